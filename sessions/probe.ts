/** What a login node has: scheduler, container command, Python, disks. Asked once; the answer is kept in the cluster's entry. */
import { readFileSync } from 'node:fs';
import type { Platform } from '../core/artifacts.ts';
import { endedInWords, ok, type Question, refused, textOf, unreachable } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Scheduler } from '../core/scheduler.ts';
import { parseDuration } from '../core/units.ts';

export type Probe = {
  user: string;
  uid: number;
  home: string;
  hostname: string;
  platform: Platform;
  scheduler?: { name: Scheduler['name']; version: string; directory: string; onPath: boolean };
  container?: { command: string; flavor: 'apptainer' | 'singularity'; version: string; module?: string };
  python?: { command: string; version: string };
  /** bytes free */
  homeFree?: number;
  scratch?: { directory: string; free: number };
  /** the site's ceiling for a login that outlives its commands, in seconds; what can't be read is 0 */
  keepAtMost?: number;
  /** the text of the site's file; undefined in it: it may be another's than root's, and was not read */
  site?: { text: string | undefined };
};

const SITE_LINE = 'site.line=';
export const PROGRAM = readFileSync(new URL('probe.sh', import.meta.url), 'utf8');

/**
 * `host` is for messages. A named Python is the only one that is looked at, a named scheduler goes before another that is
 * there too; `figures` adds versions and free room. Refused
 * where the shell there does not let the program end.
 */
export function probe(
  host: string,
  how: { python?: string; scheduler?: Scheduler['name']; figures?: boolean } = {},
): Question<Probe> {
  return {
    command: {
      argv: ['/bin/sh', '-c', PROGRAM],
      env: { HPCBINDER_PYTHON: how.python ?? '', HPCBINDER_FIGURES: how.figures ? '1' : '' },
      timeoutMs: 60_000,
    },
    parse(result) {
      const found = new Map<string, string>();
      const site: string[] = [];
      for (const line of textOf(result.stdout).split('\n')) {
        const at = line.indexOf('=');
        if (line.startsWith(SITE_LINE)) site.push(line.slice(SITE_LINE.length));
        else if (at > 0) found.set(line.slice(0, at), line.slice(at + 1).trim());
      }
      if (found.get('probed') !== '1') {
        const silent = result.ended.kind === 'timeout' || result.ended.kind === 'lost';
        const error = new HpcbinderError(silent ? 'E-SSH-LOST' : 'E-REMOTE-SHELL', {
          message: `looking at ${host} did not come to its end (${endedInWords(result.ended)})`,
          evidence: textOf(result.stderr).split('\n').filter(Boolean).slice(-3),
          transient: silent,
          hint: 'A start-up file of the login shell (.bashrc, .profile) may wait for input or exit; try: ssh HOST /bin/sh -c true',
        });
        return silent ? unreachable(error) : refused(error);
      }
      const said = found.get('site');
      const file = said && { site: { text: said === 'root' ? site.join('\n') : undefined } };
      return ok({ ...understand(found, how.scheduler), ...(file || {}) });
    },
  };
}

/** How each scheduler is submitted to. Slurm first: it has a qsub for people who come from PBS. */
const SUBMITS = [
  ['slurm', 'sbatch'],
  ['pbs', 'qsub'],
] as const;

export function understand(found: ReadonlyMap<string, string>, wanted?: Scheduler['name']): Probe {
  const text = (key: string) => found.get(key) || undefined;
  const first = [...SUBMITS].sort(([a], [b]) => Number(b === wanted) - Number(a === wanted));
  const scheduler = firstOf(first, ([kind, name]) => {
    const path = text(name) ?? text(`${name}.login`);
    if (path === undefined) return undefined;
    return {
      name: kind,
      version: text(`${name}.version`) ?? '',
      directory: path.slice(0, path.lastIndexOf('/')),
      onPath: text(name) !== undefined,
    };
  });
  const container = firstOf(['apptainer', 'singularity'] as const, (flavor) => {
    const path = text(flavor) ?? text(`${flavor}.login`);
    return path === undefined ? undefined : { command: path, flavor, version: versionOf(text(`${flavor}.version`)) };
  });
  const moduleCommand = text('module.command');
  const byModule = moduleCommand && {
    command: moduleCommand,
    flavor: moduleCommand.endsWith('singularity') ? ('singularity' as const) : ('apptainer' as const),
    version: '',
    module: text('module') ?? 'apptainer',
  };
  const [python, scratch] = [text('python'), text('scratch')];
  const kib = (key: string) => Number(text(key)) * 1024;
  return {
    user: text('user') ?? '',
    uid: Number(text('uid')),
    home: text('home') ?? '/',
    hostname: text('hostname') ?? '',
    platform: /^(?:aarch64|arm64)$/.test(text('machine') ?? '') ? 'linux/arm64' : 'linux/amd64',
    ...(scheduler ? { scheduler } : {}),
    ...(container ? { container } : byModule ? { container: byModule } : {}),
    ...(python ? { python: { command: python, version: text('python.version') ?? '' } } : {}),
    ...(Number.isFinite(kib('home.free')) ? { homeFree: kib('home.free') } : {}),
    ...(scratch ? { scratch: { directory: scratch, free: kib('scratch.free') || 0 } } : {}),
    ...(text('site.keep') ? { keepAtMost: secondsOf(text('site.keep') ?? '') } : {}),
  };
}

function secondsOf(duration: string): number {
  try {
    return parseDuration(duration);
  } catch {
    return 0;
  }
}

function firstOf<K, T>(keys: readonly K[], pick: (key: K) => T | undefined): T | undefined {
  for (const key of keys) {
    const value = pick(key);
    if (value !== undefined) return value;
  }
  return undefined;
}

function versionOf(text: string | undefined): string {
  return /[0-9]+\.[0-9]+(?:\.[0-9]+)?/.exec(text ?? '')?.[0] ?? '';
}

/** `Slurm 24.11.5` */
export function schedulerInWords({ scheduler }: Probe): string {
  if (scheduler === undefined) return 'no scheduler';
  const version = versionOf(scheduler.version);
  return `${scheduler.name === 'slurm' ? 'Slurm' : 'PBS'}${version ? ` ${version}` : ''}`;
}

/** `Slurm 24.11 · Apptainer 1.4.5 by module load apptainer · Python 3.9 · 38 GB free on scratch` */
export function probeInWords(found: Probe, size: (bytes: number) => string): string {
  const parts = [schedulerInWords(found)];
  if (found.container) {
    const { flavor, version: v, module } = found.container;
    parts.push(
      `${flavor === 'apptainer' ? 'Apptainer' : 'Singularity'}${v ? ` ${v}` : ''}${module ? ` by module load ${module}` : ''}`,
    );
  } else parts.push('no Apptainer');
  parts.push(found.python ? `Python ${found.python.version}` : 'no Python');
  if (found.scratch) parts.push(`${size(found.scratch.free)} free on ${found.scratch.directory}`);
  else if (found.homeFree !== undefined)
    parts.push(`${size(found.homeFree)} free in the home directory, no scratch found`);
  return parts.join(' · ');
}
