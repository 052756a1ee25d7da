/** Which cluster is meant, the way to it, and what is there: Config or USER@HOST → Cluster. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Cluster, ClusterProfile } from '../core/cluster.ts';
import { orThrow } from '../core/command.ts';
import { type ClusterEntry, type Config, USER_NAME } from '../core/config.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Scheduler } from '../core/scheduler.ts';
import { quote } from '../core/shell.ts';
import { readSite, type SiteFile } from '../core/site.ts';
import { nearest, plainLine } from '../core/text.ts';
import { ask, askAll, type Prompter, type Transport } from '../core/transport.ts';
import { type Probe, probe } from '../sessions/probe.ts';
import type { Setup, ShellTransport } from '../transports/index.ts';
import { allowanceOn } from './allowance.ts';
import { configPath } from './config-file.ts';
import { rememberCluster } from './known-clusters.ts';
import { ownPath } from './paths.ts';
import { sshSettings, sshTarget } from './ssh.ts';

/** `[user@]host[:port]`; an IPv6 address goes into an entry of its own. */
const ADDRESS = /^(?:(.+)@)?([A-Za-z0-9][A-Za-z0-9.-]*)(?::([0-9]{1,5}))?$/;

/** A transport, and what a shell of the user's own lets us settle. Where a root-owned list says what runs (transports/sudo), nothing is settled. */
export type ClusterLink = Transport & Partial<Pick<ShellTransport, 'settle' | 'relayBy' | 'keepAtMost'>>;

export type Choice = { name: string; entry: ClusterEntry; saved: boolean };

/** `--cluster NAME|USER@HOST`, else the config's default, else `local` where sbatch or qsub is on this machine; undefined: none. */
export function chooseCluster(config: Config, wanted: string | undefined): Choice | undefined {
  const entries = config.clusters ?? new Map<string, ClusterEntry>();
  if (wanted !== undefined) {
    const entry = entries.get(wanted);
    if (entry) return { name: wanted, entry, saved: true };
    if (wanted === 'local') return { name: 'local', entry: {}, saved: false };
    const [, user, host, port] = ADDRESS.exec(wanted) ?? [];
    if (host !== undefined && (user === undefined ? host.includes('.') : USER_NAME.test(user))) {
      const entry = { host, ...(user ? { user } : {}), ...(port ? { port: Number(port) } : {}) };
      return { name: wanted, entry, saved: false };
    }
    const near = nearest(wanted, [...entries.keys()]);
    throw new HpcbinderError('E-CLUSTER-UNKNOWN', {
      message: `there is no cluster "${wanted}" in ${configPath()}`,
      hint: `${near ? `Did you mean ${near}? ` : ''}hpcbinder cluster ls shows those there are; USER@HOST works without any entry.`,
    });
  }
  const names = [...entries.keys()];
  const real = names.filter((each) => each !== 'devcluster');
  const only = real.length === 1 ? real[0] : names.length === 1 ? names[0] : undefined;
  const name = config.default ?? only;
  const entry = name === undefined ? undefined : entries.get(name);
  if (name !== undefined && entry) return { name, entry, saved: true };
  if (names.length > 1) {
    throw new HpcbinderError('E-CLUSTER-NONE', {
      message: 'there are several clusters in your config and no default',
      hint: `Say which: --cluster NAME (${names.join(', ')}), or once: hpcbinder cluster default NAME`,
    });
  }
  return onPath('sbatch') || onPath('qsub') ? { name: 'local', entry: {}, saved: false } : undefined;
}

function onPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => dir !== '' && existsSync(join(dir, command)));
}

export function setupOf(entry: ClusterEntry): Setup {
  return {
    ...(entry.path ? { path: entry.path.join(':') } : {}),
    ...(entry.modules ? { modules: entry.modules } : {}),
    ...(entry.prologue ? { prologue: entry.prologue } : {}),
  };
}

export async function openLink(choice: Choice, prompter: Prompter | undefined): Promise<ShellTransport> {
  const { openTransport } = await import('../transports/index.ts');
  const setup = setupOf(choice.entry);
  const target = await sshTarget(choice.entry);
  if (target === undefined) return openTransport('local', prompter, { setup });
  return openTransport(target, prompter, { setup, ...sshSettings(choice.entry) });
}

export type Looked = { found: Probe; profile: ClusterProfile; site?: SiteFile; notes: readonly string[] };

/** Asks the login node, and joins what it says with what the site's file and the entry say: the entry wins. */
export async function lookAtCluster(
  choice: Choice,
  transport: ClusterLink,
  how: { figures?: boolean } = {},
): Promise<Looked> {
  const { python, scheduler } = choice.entry;
  const named = { ...(python === undefined ? {} : { python }), ...(scheduler === undefined ? {} : { scheduler }) };
  let found = orThrow(await ask(transport, probe(shownHost(choice), { ...how, ...named })));
  const { site, ignored } = readSite(found.site);
  const joined = { ...choice, entry: { ...site?.cluster, ...choice.entry } };
  const ofSite = { setup: setupOf(joined.entry), python: joined.entry.python };
  if (JSON.stringify(ofSite) !== JSON.stringify({ setup: setupOf(choice.entry), python })) {
    // what the site loads may bring scheduler, container command and Python: looked for once more
    await transport.settle?.(ofSite.setup);
    const again = ofSite.python === undefined ? {} : { python: ofSite.python };
    found = orThrow(await ask(transport, probe(shownHost(choice), { ...how, ...named, ...again })));
  }
  const profile = profileOf(joined, found);
  transport.relayBy?.(profile.python);
  if (found.keepAtMost !== undefined) await transport.keepAtMost?.(found.keepAtMost);
  // it is in the login profile alone, and so may be what it needs: SLURM_CONF, libraries
  if (!found.scheduler?.onPath) await transport.settle?.({ ...setupOf(joined.entry), loginShell: true });
  const notes = ignored === undefined ? [] : [`the site's own settings are not used: ${ignored}`];
  return { found, profile, notes, ...(site ? { site } : {}) };
}

/** Of ssh, to try by hand what hpcbinder does; undefined for this machine. */
export function loginWords({ entry }: Choice): readonly string[] | undefined {
  if (entry.host === undefined) return undefined;
  return [
    ...(entry.port ? ['-p', String(entry.port)] : []),
    ...(entry.identity_file ? ['-i', ownPath(entry.identity_file)] : []),
    ...(entry.jump ? ['-J', entry.jump] : []),
    entry.user ? `${entry.user}@${entry.host}` : entry.host,
  ];
}

export function shownHost(choice: Choice): string {
  return choice.entry.host ?? 'this machine';
}

export function profileOf(choice: Choice, found: Probe): ClusterProfile {
  const { entry, name } = choice;
  const host = shownHost(choice);
  const here = (path: string) =>
    path.replace(/^(?:~|\$HOME)(?=\/|$)/, () => found.home).replaceAll(/\/\$USER(?=\/|$)/g, () => `/${found.user}`);
  const named = entry.apptainer ?? entry.singularity;
  const container = named
    ? {
        command: here(named),
        flavor: entry.apptainer ? ('apptainer' as const) : ('singularity' as const),
        version: found.container?.version ?? '',
      }
    : found.container;
  if (!found.scheduler) {
    throw new HpcbinderError('E-NO-SCHEDULER', {
      message: `neither sbatch nor qsub was found on ${host}`,
      hint: `If they are in a folder of their own, name it in the cluster's entry: path: [/opt/slurm/bin] (${configPath()}).`,
    });
  }
  const { name: kind, version } = found.scheduler;
  if (kind === 'pbs' && !/^pbs_version/.test(version)) {
    throw new HpcbinderError('E-NO-SCHEDULER', {
      message: `the qsub on ${host} is neither OpenPBS's nor PBS Professional's: its qstat says "${plainLine(version)}"`,
      hint: 'Of other schedulers with this command, Torque and Grid Engine among them, hpcbinder speaks none.',
    });
  }
  if (!container) {
    throw new HpcbinderError('E-NO-CONTAINER', {
      message: `neither apptainer nor singularity was found on ${host}: not on PATH, not in a login shell, not as a module`,
      hint: `Ask the site which module offers it and name it in the cluster's entry: modules: [NAME], or apptainer: /path/to/apptainer (${configPath()}).`,
    });
  }
  const python = found.python && (entry.python ?? found.python.command);
  if (!python) {
    throw new HpcbinderError('E-NO-PYTHON', {
      message: entry.python
        ? `${entry.python}, named in the cluster's entry, is no Python 3.6 or newer on ${host}`
        : `no Python 3.6 or newer was found on ${host}`,
      hint: `Name one in the cluster's entry: python: /path/to/python3 (${configPath()}); the compute nodes need it too.`,
    });
  }
  const scratch = found.scratch ? `${found.scratch.directory}/hpcbinder` : `${found.home}/.cache/hpcbinder`;
  return {
    name,
    host,
    user: found.user,
    uid: found.uid,
    home: found.home,
    container,
    python: here(python),
    stateDir: here(entry.state_dir ?? `${found.home}/.local/state/hpcbinder`),
    imageStore: here(entry.image_store ?? `${scratch}/images`),
    workDir: here(entry.work_dir ?? `${found.home}/hpcbinder`),
    platform: found.platform,
    prologue: prologueOf(entry, named ? undefined : found.container?.module),
    epilogue: entry.epilogue === undefined ? '' : `${entry.epilogue}\n`,
    ...(entry.internet === undefined ? {} : { internet: entry.internet }),
    binds: entry.binds ?? [],
    trust: entry.trust ?? [],
    ...(found.scratch ? { scratch: found.scratch.directory } : {}),
    ports: entry.ports ?? [],
    bases: entry.bases ?? new Map(),
    compression: entry.compression ?? 'zstd',
  };
}

/** Shell text of the user's own config, for the job: path, modules, prologue in this order. */
function prologueOf(entry: ClusterEntry, module: string | undefined): string {
  const lines: string[] = [];
  if (entry.path) lines.push(`PATH=${entry.path.map(quote).join(':')}:$PATH; export PATH`);
  const modules = entry.modules ?? (module ? [module] : []);
  if (modules.length > 0) {
    lines.push(
      'command -v module >/dev/null 2>&1 || for f in /etc/profile.d/modules.sh /etc/profile.d/lmod.sh /etc/profile.d/z00_lmod.sh; do [ -r "$f" ] && . "$f"; done',
    );
    for (const name of modules) {
      const failed = quote(`hpcbinder: the module ${name} cannot be loaded here`);
      lines.push(`module load ${quote(name)} || echo ${failed}`);
    }
  }
  if (entry.prologue) lines.push(entry.prologue);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/**
 * Transport, profile and what the scheduler offers: one connection, two questions, and once a day what the user may use.
 * `offers: false`: nothing is chosen, so the scheduler, which may be silent for long, is not asked. `transport`: one that is
 * open already; it is closed where this fails.
 */
export async function connectCluster(
  choice: Choice,
  prompter: Prompter | undefined,
  how: { allowance?: 'known' | 'fresh'; offers?: false; transport?: ClusterLink } = {},
): Promise<Cluster> {
  const transport = how.transport ?? (await openLink(choice, prompter));
  try {
    const { found, profile, site, notes } = await lookAtCluster(choice, transport);
    const scheduler = await schedulerOf(found);
    const answer = how.offers === false ? undefined : await askAll(transport, scheduler.offers());
    if (answer?.ok) rememberCluster({ profile, scheduler, partitions: answer.value });
    // partitions are for choosing and checking; a scheduler that is silent now may still take the job
    const partitions = answer?.ok ? answer.value : [];
    const cluster = { profile, transport, scheduler, partitions, notes, ...(site ? { site } : {}) };
    const allowance = how.allowance && (await allowanceOn(cluster, how.allowance));
    return allowance ? { ...cluster, allowance } : cluster;
  } catch (error) {
    await transport[Symbol.asyncDispose]();
    throw error;
  }
}

async function schedulerOf({ scheduler, user }: Probe): Promise<Scheduler> {
  const { SCHEDULERS } = await import('../schedulers/index.ts');
  const made = SCHEDULERS.get(scheduler?.name ?? 'slurm');
  if (made !== undefined) return made({ user });
  throw new HpcbinderError('E-NO-SCHEDULER', {
    message: `there is no scheduler "${scheduler?.name}"`,
    hint: [...SCHEDULERS.keys()].join(', '),
  });
}
