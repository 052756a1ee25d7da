/** What a devcluster consists of, by name: containers, volumes, network, files. Pure. */
import { join } from 'node:path';
import { HpcbinderError } from '../core/errors.ts';

export const HOSTS = ['login', 'c1', 'c2'] as const;
export type Host = (typeof HOSTS)[number];
export const USERS = ['root', 'alice', 'bob'] as const;
export type User = (typeof USERS)[number];

/** What gives out jobs: a real Slurm, or commands like those of PBS with a small program behind them that says FAKE. */
export const SCHEDULERS = ['slurm', 'pbs'] as const;
export type SchedulerName = (typeof SCHEDULERS)[number];

export const IMAGE_REPOSITORY = 'hpcbinder-devcluster';
/** The Debian root that we make ourselves where no registry answers. */
export const STAND_IN_BASE = 'hpcbinder-devcluster-base:trixie';
export const PUBLIC_BASE = 'debian:trixie';

/** The folder whose devcluster a container is: two configurations on one machine never take each other's. */
export const OWNER_LABEL = 'io.hpcbinder.devcluster.state';
export const SCHEDULER_LABEL = 'io.hpcbinder.devcluster.scheduler';

export type Layout = {
  name: string;
  network: string;
  container(host: Host): string;
  /** volume → where it is mounted, on one host */
  volumes(host: Host): readonly { volume: string; at: string }[];
  allVolumes: readonly string[];
  /** all files of this devcluster on the laptop */
  folder: string;
  identity: string;
  hostKey: string;
  mungeKey: string;
  knownHosts: string;
  port: string;
  lock: string;
};

/** Of the devcluster that nobody named. */
export const USUAL_NAME = 'devcluster';

/** @param stateDir hpcbinder's state folder; @param name small letters, digits and `-` */
export function layoutOf(stateDir: string, name = USUAL_NAME): Layout {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) {
    throw new HpcbinderError('E-USAGE', {
      message: `"${name}" is no name for a devcluster`,
      hint: 'Small letters, digits and -, at most 31, a letter first.',
    });
  }
  const prefix = `hpcbinder-${name}`;
  const folder = join(stateDir, name);
  const shared = [
    { volume: `${prefix}-home`, at: '/home' },
    { volume: `${prefix}-scratch`, at: '/scratch' },
  ];
  // Job ids and accounting outlive the login container, so that a repaired cluster does not give a number twice.
  const controller = [
    { volume: `${prefix}-slurm`, at: '/var/spool/slurmctld' },
    { volume: `${prefix}-mysql`, at: '/var/lib/mysql' },
  ];
  return {
    name,
    network: prefix,
    container: (host) => `${prefix}-${host}`,
    volumes: (host) => (host === 'login' ? [...shared, ...controller] : shared),
    allVolumes: [...shared, ...controller].map(({ volume }) => volume),
    folder,
    identity: join(folder, 'id_ed25519'),
    hostKey: join(folder, 'host_key'),
    mungeKey: join(folder, 'munge.key'),
    knownHosts: join(folder, 'known_hosts'),
    port: join(folder, 'port'),
    // Beside the folder: `down` removes the folder while it holds the lock.
    lock: join(stateDir, `${name}.lock`),
  };
}

export function hostOf(word: string): Host {
  const host = HOSTS.find((name) => name === word);
  if (host) return host;
  throw new HpcbinderError('E-USAGE', { message: `the devcluster has no host "${word}"`, hint: HOSTS.join(', ') });
}

export function userOf(word: string): User {
  const user = USERS.find((name) => name === word);
  if (user) return user;
  throw new HpcbinderError('E-USAGE', { message: `the devcluster has no user "${word}"`, hint: USERS.join(', ') });
}
