/**
 * The campus endpoint's nouns (DESIGN 2, `Services`): who asks, what for, and what the pages and the API show. The server room
 * knows these and sessions/; all else reaches it through `Services`, put together in cli/.
 */
import type { Duplex } from 'node:stream';
import type { ResolvedRepo } from './artifacts.ts';
import type { OnProgress, Progress } from './progress.ts';
import type { RepositoryTokens } from './repository-tokens.ts';
import type { Partition, ResourceRequest } from './scheduler.ts';
import type { AppName, EndReason, Session, SessionPhase, SessionSecrets } from './session.ts';
import type { Variable } from './variables.ts';

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
};

/** A launch that policy has passed: what is clamped is clamped, and said in `notes`. */
export type LaunchGranted = Omit<LaunchWanted, 'cluster' | 'data'> & {
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

/** One session as its owner (or an admin) may see it: no secret is in it. */
export type SessionView = {
  id: string;
  launch?: string;
  account: string;
  cluster: string;
  repo: Session['repo'];
  phase: SessionPhase;
  app: AppName;
  request: ResourceRequest;
  node?: string;
  jobId?: string;
  createdAt: string;
  /** epoch seconds */
  startedAt?: number;
  endsAt?: number;
  /** of the queue: why, and when it is likely to start, epoch seconds */
  waiting?: string;
  likelyStart?: number;
  idleSince?: number;
  /** when the agent will end it for idleness if nobody uses it, epoch seconds */
  culledAt?: number;
  /** all its GPUs have done nothing since, epoch seconds; absent where that is not known */
  gpuIdleSince?: number;
  workDirectory: string;
  ended?: { why: EndReason; at: string; detail?: string; words: string };
  /** no answer of its node since then, ISO: nothing is concluded from it */
  silentSince?: string;
  internet?: boolean;
};

/** A launch on its way: what the progress page and the event stream tell. */
export type LaunchView = {
  /** `la-` + 16 of a-z0-9 */
  id: string;
  account: string;
  wanted: LaunchWanted;
  /** as policy passed it */
  granted?: LaunchGranted;
  startedAt: string;
  state: 'running' | 'ready' | 'failed' | 'cancelled';
  session?: string;
  error?: { code: string; message: string; hint?: string };
};

/** The open pages of a session, as its warnings reach them; what they answer is shown and decides nothing. */
export type SessionPages = {
  /** asks each to save, for at most `ms`; `last`: there is no later time */
  save(text: string, ms: number, last: boolean): Promise<{ pages: number; files: number; failed: readonly string[] }>;
  tell(text: string): void;
};

/** One use figure of a session; see docs/agent.md `figures`. Cores and MiB, beside what was asked for; `at` epoch ms. */
export type Figures = {
  /** epoch milliseconds */
  at: number;
  cpu?: { used: number; asked: number };
  memory?: { usedMb: number; askedMb: number };
  /** `busy` 0..1; memory where the driver tells it */
  gpus?: readonly { index: number; busy: number; usedMb?: number; totalMb?: number }[];
  /** epoch seconds by the cluster's clock: all of them have done nothing since */
  gpuIdleSince?: number;
};

/**
 * What the server room needs of everything else. All of it acts as `user.account` on the cluster, never as the service's own
 * account, but for `offers` and `resolve`. Errors are HpcbinderErrors; each call has its own deadline.
 */
export interface Services {
  readonly clusters: readonly string[];
  offers(user: User, cluster: string, signal: AbortSignal): Promise<Offers>;
  /** asks the repository's host through the guarded client (SECURITY GIT-08) */
  resolve(user: User, repo: { url: string; ref?: string }, signal: AbortSignal): Promise<ResolvedRepo>;
  readonly repositoryTokens: RepositoryTokens;
  /**
   * The whole path to an app that answers. `keep` is called with each newer record, secrets included, before anything depends
   * on it. Resumed after a restart with `resume`: the record as last kept.
   */
  launch(
    user: User,
    granted: LaunchGranted,
    how: {
      id: string;
      /** the path under which browsers have the app, where it is not `/` */
      base?: string;
      keep(record: KeptSession): void;
      signal: AbortSignal;
      resume?: KeptSession;
    },
  ): AsyncGenerator<Progress, KeptSession>;
  /**
   * Watches a session that has begun, until its end: the record as it ended, or as it was when `signal` came. `on` has each
   * newer record, `say` each warning before the end; silence of agent or scheduler ends nothing.
   */
  follow(
    user: User,
    record: KeptSession,
    how: { pages: SessionPages; on(record: KeptSession, reachable: boolean): void; say(text: string): void },
    signal: AbortSignal,
  ): Promise<KeptSession>;
  /** what cluster and agent say now; 'unreachable' parts end nothing */
  refresh(user: User, record: KeptSession, signal: AbortSignal): Promise<KeptSession>;
  stop(user: User, record: KeptSession, on: OnProgress): Promise<KeptSession>;
  /** sets the walltime's end where the scheduler lets it; the refusal says who can */
  extend(user: User, record: KeptSession, seconds: number): Promise<KeptSession>;
  /** puts off the cull for idleness */
  touch(user: User, record: KeptSession): Promise<void>;
  log(user: User, record: KeptSession, signal: AbortSignal): Promise<string>;
  figures(user: User, record: KeptSession): Promise<Figures | undefined>;
  /** a fresh stream to the job's agent's port, before TLS */
  connect(record: KeptSession): Promise<Duplex>;
}

/**
 * What `GET /api/v1/launches/:id/events` sends, one JSON per message, each time from the launch's beginning. `launch` comes first,
 * whenever its state changes, and last.
 */
export type LaunchEvent = Progress | { type: 'launch'; launch: LaunchView };

/** `GET /api/v1/sessions` and `GET /api/v1/launches`: the asker's own, newest first. */
export type SessionsAnswer = { sessions: readonly SessionView[] };
export type LaunchesAnswer = { launches: readonly LaunchView[] };

/** `POST /api/v1/resolve`. */
export type ResolvedView = { shown: string; commit: string; ref?: string; notes: readonly string[] };

/** `GET /api/v1/sessions/:id/figures`: of the last hour, oldest first, at most 120 (one each 30 s). */
export type FiguresView = { figures: readonly Figures[] };

/** What a user may choose in the form: policy's part. Seconds and MiB. */
export type Choices = {
  clusters: readonly string[];
  cluster: string;
  apps: readonly AppName[];
  /** data binds that policy offers this user */
  data: readonly { name: string; path: string }[];
  /** partitions of `cluster` with policy's ceilings already taken off; absent where the cluster did not answer in time */
  offers?: Offers;
  /** what the form begins with where the link says nothing */
  defaults: { partition?: string; seconds?: number; cpus?: number; memoryMb?: number; gpus?: number };
};

/** One API token as its owner sees it; the token itself is shown once, when it is made. */
export type TokenView = {
  id: string;
  name: string;
  scopes: readonly Scope[];
  createdAt: string;
  expires?: string;
  usedAt?: string;
};

export type AuditLine = {
  at: string;
  account: string;
  action: string;
  session?: string;
  launch?: string;
  detail?: string;
};

/** What admins see beside the sessions and launches of all. */
export type AdminView = {
  sessions: readonly SessionView[];
  launches: readonly LaunchView[];
  audit: readonly AuditLine[];
  /** as loaded: `key` by its path in the file (`limits.per_user`), and the line that set it; without a line it is the default */
  policy: {
    file: string;
    loadedAt: string;
    lines: readonly { key: string; value: string; line?: number }[];
    /** of a newer file that is wrong; what is shown is the one before */
    error?: string;
  };
  /** why no launch is accepted at present */
  drained?: string;
  announcement?: string;
};
