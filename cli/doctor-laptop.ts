/** `doctor`: what this machine has for a launch, looked at here and judged. */
import { lookup } from 'node:dns/promises';
import { statfs } from 'node:fs/promises';
import { execa } from 'execa';
import type { Config } from '../core/config.ts';
import { HpcbinderError } from '../core/errors.ts';
import { duration, size } from '../core/units.ts';
import { type Finding, Findings } from '../sessions/doctor/finding.ts';
import { isOlder } from '../sessions/preflight.ts';
import { cacheDir } from './paths.ts';
import { Tools } from './tools.ts';

export type LaptopSeen = {
  node: string;
  /** absent: not there */
  git?: string;
  ssh?: string;
  /** `Docker`; what stands in the way where there is none */
  engine: { platform: string } | { none: string; hint: string };
  free?: number;
  /** seconds that the clock here is ahead of the login node's; absent: not connected */
  ahead?: number;
  /** does the system know names below localhost? */
  localhost: boolean;
};

/** Here and there can lie so far apart before anything is told by the wrong time. */
const WRONG_CLOCK_SECONDS = 30;
const LEAST_BYTES = 5e9;
/** An older one could run code of a repository that is cloned (SECURITY GIT-05). */
const OLDEST_GIT = '2.39.4';

export function judgeLaptop(seen: LaptopSeen): Finding[] {
  const found = new Findings('laptop');
  found.fine('node', `Node ${seen.node}`);
  if (seen.git === undefined)
    found.broken(
      'git',
      'There is no git on this machine.',
      'No repository can be fetched; --sif works.',
      'Install git.',
    );
  else if (isOlder(seen.git, OLDEST_GIT))
    found.warning(
      'git',
      `git here is ${seen.git}.`,
      `Before ${OLDEST_GIT} a repository can run code while it is cloned.`,
      'Update git.',
    );
  else found.fine('git', `git ${seen.git}`);
  if (seen.ssh === undefined)
    found.note(
      'ssh',
      'There is no ssh command on this machine.',
      'Logins that need it (Kerberos, security keys) do not work.',
    );
  else found.fine('ssh', seen.ssh);
  if ('platform' in seen.engine) found.fine('engine', `container engine (${seen.engine.platform})`);
  else
    found.warning(
      'engine',
      `${upper(seen.engine.none)}.`,
      'Images are built by a job on the cluster; repositories with a Dockerfile cannot be built.',
      seen.engine.hint,
    );
  if (seen.free !== undefined && seen.free < LEAST_BYTES)
    found.warning(
      'disk',
      `This machine has ${size(seen.free)} left in ${cacheDir()}.`,
      'An image that is converted here needs about its own size there.',
      'Free some room, or set HPCBINDER_CACHE to a larger disk.',
    );
  else if (seen.free !== undefined) found.fine('disk', `${size(seen.free)} free`);
  if (seen.ahead !== undefined && Math.abs(seen.ahead) >= WRONG_CLOCK_SECONDS)
    found.warning(
      'clock',
      `The clock here is ${duration(Math.abs(seen.ahead))} ${seen.ahead > 0 ? 'ahead of' : 'behind'} the login node's.`,
      'Times of the scheduler and of files look wrong; hpcbinder shows the ends of sessions by the clock here.',
      'Set the clock (timedatectl set-ntp true), or tell the site if theirs is the wrong one.',
    );
  else if (seen.ahead !== undefined) found.fine('clock', 'clock');
  if (seen.localhost) found.fine('localhost', '*.localhost');
  else
    found.note(
      'localhost',
      'This system does not know names below localhost.',
      'Chrome and Firefox do by themselves; Safari opens sessions on 127.0.0.1 by path.',
    );
  return found.all;
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export async function lookHere(config: Config): Promise<Omit<LaptopSeen, 'ahead'>> {
  const [git, ssh, engine, free, localhost] = await Promise.all([
    versionOf('git', ['--version']),
    versionOf('ssh', ['-V']),
    engineOf(config),
    statfs(cacheDir()).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => undefined,
    ),
    lookup('hb-doctor.localhost').then(
      ({ address }) => address === '127.0.0.1' || address === '::1',
      () => false,
    ),
  ]);
  const gitVersion = /[0-9]+(?:\.[0-9]+)+/.exec(git ?? '')?.[0];
  const sshVersion = /^[A-Za-z]+_[0-9.]+\w*/.exec(ssh ?? '')?.[0].replace('_', ' ');
  return {
    node: process.versions.node,
    ...(gitVersion ? { git: gitVersion } : {}),
    ...(sshVersion ? { ssh: sshVersion } : {}),
    ...(free === undefined ? {} : { free }),
    engine,
    localhost,
  };
}

async function versionOf(command: string, args: readonly string[]): Promise<string | undefined> {
  const done = await execa(command, args, { reject: false, all: true, stdin: 'ignore', timeout: 10_000 });
  return done.exitCode === 0 ? done.all : undefined;
}

async function engineOf(config: Config): Promise<LaptopSeen['engine']> {
  const engine = await new Tools(config).engine();
  if (engine instanceof HpcbinderError) return { none: engine.message, hint: engine.hint?.split('\n').at(-1) ?? '' };
  return { platform: engine.platform };
}
