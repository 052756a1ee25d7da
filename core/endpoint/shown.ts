/** What the endpoint's pages and its API show a user; no secret is in any of it. */
import type { Progress } from '../progress.ts';
import type { ResourceRequest } from '../scheduler.ts';
import type { AppName, EndReason, Session, SessionPhase } from '../session.ts';
import type { LaunchGranted, LaunchWanted, Offers, Scope } from './asked.ts';

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
  /** since when nobody uses it, epoch seconds; absent while a kernel works */
  idleSince?: number;
  /** it is ended when nobody has used it for so long */
  idleSeconds: number;
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
  /** ready, failed or cancelled since then, ISO */
  endedAt?: string;
  state: 'running' | 'ready' | 'failed' | 'cancelled';
  session?: string;
  error?: { code: string; message: string; hint?: string };
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
 * What `GET /api/v1/launches/:id/events` sends, one JSON per message, each time from the launch's beginning. `launch` comes first,
 * whenever its state changes, and last.
 */
export type LaunchEvent = Progress | { type: 'launch'; launch: LaunchView };

/** `GET /api/v1/sessions` and `GET /api/v1/launches`: the asker's own, newest first. */
export type SessionsAnswer = { sessions: readonly SessionView[] };

export type LaunchesAnswer = { launches: readonly LaunchView[] };

/** `POST /api/v1/resolve`. */
export type ResolvedView = { shown: string; commit: string; ref?: string; notes: readonly string[] };

/** `GET /api/v1/launches/:id/phases`: what the stream of events has told until now, without its log. */
export type PhasesView = { launch: LaunchView; events: readonly Progress[] };

/** `GET /api/v1/sessions/:id/figures`: of the last hour, oldest first, at most 120 (one each 30 s). */
export type FiguresView = { figures: readonly Figures[] };

/** What a user may choose in the form: policy's part. Seconds and MiB. */
export type Choices = {
  clusters: readonly string[];
  cluster: string;
  apps: readonly AppName[];
  /** data binds that policy offers this user; `cluster`: the only one that has them */
  data: readonly { name: string; path: string; cluster?: string }[];
  /** partitions of `cluster` with policy's ceilings already taken off; absent where the cluster did not answer in time */
  offers?: Offers;
  /** what the form begins with where the link says nothing */
  defaults: {
    app?: AppName;
    partition?: string;
    seconds?: number;
    cpus?: number;
    memoryMb?: number;
    gpus?: number;
    idleSeconds?: number;
  };
  /** the longest time without use that the user may choose */
  longestIdleSeconds?: number;
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
