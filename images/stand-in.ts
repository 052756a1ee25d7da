/** Where no registry answers: a Debian root with Python under the base's name. Debian's mirrors are reached where registries are not. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { Platform } from '../core/artifacts.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { lastLines } from '../core/text.ts';

/** Python of each Debian release. */
const SUITES: ReadonlyMap<string, string> = new Map([
  ['3.13', 'trixie'],
  ['3.11', 'bookworm'],
]);
const PACKAGES = 'python3,python3-venv,ca-certificates';
const MIRROR = 'http://deb.debian.org/debian';
const DEADLINE_MS = 15 * 60_000;

export type StandInHow = {
  platform: Platform;
  aptMirror?: string;
  /** made anew also where the engine has one */
  update?: boolean;
  on?(line: string): void;
  signal?: AbortSignal;
};

/** The image's id, `sha256:…`. E-BASE with what is missing where this machine can't make one. */
export async function makeStandIn(engine: Engine, name: string, python: string, how: StandInHow): Promise<string> {
  const suite = SUITES.get(python);
  if (suite === undefined) {
    throw impossible(
      name,
      `no Debian release has Python ${python} (${[...SUITES.keys()].join(', ')} can be stood in for)`,
    );
  }
  const tag = `hpcbinder/stand-in:${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;
  // one for all state folders of this engine: a second would be other bytes, and build every environment again
  const kept = how.update ? undefined : await engine.inspect(tag);
  if (kept?.ref.platform === how.platform) return kept.ref.id;
  await tool(name, how);
  const arch = how.platform === 'linux/arm64' ? 'arm64' : 'amd64';
  const args = [
    '--variant=minbase',
    `--architectures=${arch}`,
    `--include=${PACKAGES}`,
    suite,
    '-',
    how.aptMirror ?? MIRROR,
  ];
  const limit = AbortSignal.any([AbortSignal.timeout(DEADLINE_MS), ...(how.signal ? [how.signal] : [])]);
  const child = spawn('mmdebstrap', args, { stdio: ['ignore', 'pipe', 'pipe'], signal: limit });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-8192);
  });
  const ended = new Promise<number>((resolve, reject) =>
    child.on('error', reject).on('close', (code) => resolve(code ?? 1)),
  );
  const root = new PassThrough();
  const labels = { 'org.hpcbinder.stand-in': name };
  const results = await Promise.allSettled([ended, pipeline(child.stdout, root), engine.importRoot(tag, root, labels)]);
  const [debootstrap] = results;
  limit.throwIfAborted();
  if (debootstrap.status === 'rejected' || debootstrap.value !== 0)
    throw impossible(name, 'mmdebstrap failed', lastLines(said, 10));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  const image = await engine.inspect(tag);
  if (image === undefined) throw impossible(name, 'the engine did not keep the imported root');
  return image.ref.id;
}

/** mmdebstrap is there, or is installed: only as root on Debian or Ubuntu, whose package it is. */
async function tool(name: string, how: StandInHow): Promise<void> {
  const run = promisify(execFile);
  const isThere = await run('mmdebstrap', ['--version']).then(
    () => true,
    () => false,
  );
  const isRoot = process.getuid?.() === 0;
  if (isThere && isRoot) return;
  if (!isRoot) throw impossible(name, 'a stand-in is made as root');
  how.on?.('installing mmdebstrap');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', ['-qq', 'update'], { env });
    await run('apt-get', ['-qq', 'install', '--yes', '--no-install-recommends', 'mmdebstrap'], { env });
  } catch {
    throw impossible(name, 'mmdebstrap is not here and could not be installed');
  }
}

function impossible(name: string, why: string, evidence: readonly string[] = []): HpcbinderError {
  return new HpcbinderError('E-BASE', {
    message: `the base image ${name} can't be had: no registry answers, and ${why}`,
    hint: [
      `Where a registry can be reached:  docker pull ${name} && docker save ${name} | ssh HERE docker load`,
      'or name another base in the config (bases:), or build on the cluster: --build-on cluster',
    ].join('\n'),
    evidence,
  });
}
