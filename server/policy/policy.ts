/** An endpoint's policy as everything else reads it: with a default for all that the file does not say. */

import type { AppName } from '../../core/session.ts';
import type { SiteHost } from '../../core/site-login.ts';
import type { Pattern } from './patterns.ts';
import type { Listen, Rate, ServedCluster } from './schema.ts';

/** Seconds, MiB. */
export type Ceilings = { seconds: number; cpus: number; memoryMb: number; gpus: number };

export type Policy = {
  file: string;
  /** with a slash at its end */
  url: string;
  sessions: 'wildcard' | 'path';
  listen: Listen;
  tls: { cert: string; key: string } | undefined;
  trustedProxies: readonly string[];
  stateDir: string;
  signIn: {
    oidc:
      | {
          issuer: string;
          clientId: string;
          clientSecretFile: string | undefined;
          scopes: readonly string[];
          accountClaim: string;
        }
      | undefined;
    header: { name: string; from: readonly string[]; secret: { header: string; file: string } | undefined } | undefined;
    ssh: SiteHost | undefined;
    idleSeconds: number;
    longestSeconds: number;
    tokenSeconds: number;
  };
  /** identity → account; `pattern`: its one group is the account */
  accounts: {
    map: ReadonlyMap<string, string>;
    pattern: RegExp | undefined;
    admins: readonly string[];
    contact: string | undefined;
  };
  /** `self`: everything runs as the account that runs the endpoint, for one person only */
  actAs: 'sudo' | 'self';
  clusters: ReadonlyMap<string, ServedCluster>;
  repositories: {
    allow: readonly Pattern[];
    ban: readonly Pattern[];
    http: boolean;
    /** may be asked although their addresses are not public: a campus GitLab */
    privateHosts: readonly string[];
    /** the site's own; `accounts`: for these alone */
    tokens: readonly { match: Pattern; file: string; user: string; accounts?: readonly string[] }[];
    settings: readonly ({ match: Pattern; sessions?: number } & Partial<Ceilings>)[];
  };
  limits: {
    sessions: number;
    perUser: number;
    perRepository: number;
    launches: number;
    launchesPerUser: number;
    builds: number;
    buildsPerUser: number;
    buildAgeSeconds: number;
  };
  defaults: Ceilings & { cluster: string; partition?: string; app: AppName };
  ceilings: Ceilings;
  /** by name; read-only. That the user may read it is seen on the cluster, as the user */
  data: ReadonlyMap<string, { path: string; at: string; cluster?: string }>;
  apps: readonly AppName[];
  /** `longestIdleSeconds`: what users may choose; `atOnce`: sessions that idleness may end in one minute */
  culling: {
    idleSeconds: number;
    longestIdleSeconds: number;
    maxAgeSeconds: number;
    atOnce: number;
    touch: boolean;
  };
  /** launches, resolve and forecast: of a user; sign_in and requests: of an address; connections: of an address, at once */
  rate: { launches: Rate; resolve: Rate; forecast: Rate; signIn: Rate; requests: Rate; connections: number };
  banner: string | undefined;
  retentionSeconds: number;
  /** `limits.per_user` → the line of the file that set it */
  lines: ReadonlyMap<string, number>;
};

/** From the file's words to the program's. */
export function resources(read: { time?: number; cpus?: number; memory?: number; gpus?: number }): Partial<Ceilings> {
  const { time, cpus, memory, gpus } = read;
  return Object.fromEntries(
    Object.entries({ seconds: time, cpus, memoryMb: memory, gpus }).filter(([, value]) => value !== undefined),
  );
}

/** Each number at most the ceiling's. */
export function within(asked: Ceilings, most: Ceilings): Ceilings {
  return {
    seconds: Math.min(asked.seconds, most.seconds),
    cpus: Math.min(asked.cpus, most.cpus),
    memoryMb: Math.min(asked.memoryMb, most.memoryMb),
    gpus: Math.min(asked.gpus, most.gpus),
  };
}
