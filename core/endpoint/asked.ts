/** Who asks at the campus endpoint, what for, and what policy has made of it. */
import type { Partition } from '../scheduler.ts';
import type { AppName, Session, SessionSecrets } from '../session.ts';
import type { Variable } from '../variables.ts';

export const ROLES = ['user', 'admin'] as const;

export type Role = (typeof ROLES)[number];

/** Somebody who is signed in. `account`: the Unix account on the clusters that everything of theirs runs as. */
export type User = { account: string; shown: string; roles: readonly Role[] };

/** What an API token may do. */
export const SCOPES = ['read', 'launch', 'stop', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** What a link, a form or the API asks for, as understood; policy has not judged it yet. Seconds and MiB. */
export type LaunchWanted = {
  /** BinderHub's prefix: gh, gist, git, gl, … */
  provider: string;
  /** what stands after the prefix, decoded once: `org/repo/ref` */
  spec: string;
  cluster?: string;
  partition?: string;
  seconds?: number;
  cpus?: number;
  memoryMb?: number;
  gpus?: number;
  gpuType?: string;
  account?: string;
  qos?: string;
  app?: AppName;
  /** where the browser begins, relative to the app's root, no leading slash; resolved from urlpath, labpath and filepath */
  path?: string;
  /** names of policy's data binds that the user chose */
  data?: readonly string[];
  fresh?: boolean;
  /** it ends after so long without use */
  idleSeconds?: number;
};

/** A launch that policy has passed: what is clamped is clamped, and said in `notes`. */
export type LaunchGranted = Omit<LaunchWanted, 'cluster' | 'data' | 'idleSeconds'> & {
  cluster: string;
  /** git URL, and the ref as asked */
  repo: { url: string; ref?: string; shown: string };
  binds: readonly { from: string; to: string; readOnly: true }[];
  idleSeconds: number;
  maxAgeSeconds?: number;
  /** below a path of the endpoint's own origin, where all sessions are: their users trust each other (SECURITY R7) */
  sharedOrigin?: true;
  notes: readonly string[];
};

/** A session as the endpoint keeps it, the proxy's half of the keys included. */
export type KeptSession = Session & { secrets: SessionSecrets; variables?: readonly Variable[] };

/** What a cluster offers now to this user, for the form. */
export type Offers = {
  cluster: string;
  partitions: readonly Partition[];
  /** when it was asked, epoch milliseconds */
  askedAt: number;
};
