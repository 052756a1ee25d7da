/** The session: one launch and its job. One record, 0600, versioned (DESIGN 11). */
import type { AppName } from './apps.ts';
import type { EnvironmentKey } from './artifacts.ts';
import type { Bind } from './config.ts';
import type { JobId, JobStatus, ResourceRequest } from './scheduler.ts';

/** GPUs that did nothing for so long are named as idle, seconds */
export const GPU_IDLE_SECONDS = 900;

/** In the order of a session's life. */
export const SESSION_PHASES = ['preparing', 'submitting', 'queued', 'starting', 'ready', 'ended'] as const;
export type SessionPhase = (typeof SESSION_PHASES)[number];

export const END_REASONS = [
  'stopped', // by the user
  'idle', // culled: nobody used it
  'max-age', // culled: older than allowed
  'timeout', // walltime
  'app-ended', // the app ended by itself, exit 0
  'app-failed',
  'out-of-memory',
  'node-failed',
  'preempted',
  'cancelled', // by someone at the scheduler
  'failed', // the launch did, before the app was ready
  'lost', // the scheduler answered twice that there is no such job, and nothing says why
] as const;
export type EndReason = (typeof END_REASONS)[number];

export { APPS, type AppName } from './apps.ts';

/** What came of the last request to the open pages to save. */
export type SaveReport = {
  /** epoch seconds by the cluster's clock */
  at: number;
  pages: number;
  /** saved by it */
  files: number;
  /** `path: why` */
  failed: readonly string[];
  /** machines with the session open that did not answer */
  silent: number;
};

export type SessionSecrets = {
  /** PEM */
  ca: string;
  clientCert: string;
  clientKey: string;
  /** the app's own token, added upstream by the proxy */
  appToken: string;
  /** 32 bytes hex; the browser's cookie is an HMAC under it */
  cookieKey: string;
};

export type Session = {
  schema: 1;
  /** `hb-` + 10 of a-z0-9; the job's name too */
  id: string;
  /** of the config, or `user@host` */
  cluster: string;
  createdAt: string;
  phase: SessionPhase;
  repo: { shown: string; url?: string; commit?: string; ref?: string };
  /** hash of the files that were sent for the work directory; an image without a repository has none */
  content?: string;
  key: EnvironmentKey;
  /** on the cluster, absolute */
  sif: string;
  directory: string;
  workDirectory: string;
  app: AppName;
  request: ResourceRequest;
  /** what the session sees beside the repository; paths of the cluster */
  binds?: readonly Bind[];
  limits: { idleSeconds: number; maxAgeSeconds?: number };
  jobId?: JobId;
  job?: JobStatus;
  address?: { host: string; port: number };
  /** epoch seconds by the cluster's clock, as all numbers that are times; ISO texts are by this machine's */
  startedAt?: number;
  endsAt?: number;
  /** of this laptop; kept so that an open tab lives on */
  localPort?: number;
  /** of this laptop: by how many seconds its clock is ahead of the cluster's, as the agent last told */
  localAhead?: number;
  /** of this laptop: the process that submits; a record whose process is gone was cut off */
  localPid?: number;
  /** the session whose name and cookie the origin has, where this one goes on from a former one */
  originId?: string;
  /** `gpuSince`: since when all its GPUs do nothing, where that is known */
  idle?: { since: number; busyKernels: number; gpuSince?: number };
  saved?: SaveReport;
  /** does its node reach the internet? absent: not known yet */
  internet?: boolean;
  ended?: { why: EndReason; at: string; detail?: string };
  /** since when the scheduler has answered that it does not know the job, ISO */
  missingSince?: string;
  /** last time anything answered for it, ISO */
  seenAt?: string;
};

/** What was seen at one look; each part is absent where nobody was asked. */
export type Seen = {
  /** of the scheduler: a status, `missing` (it answered without it), `absent` (that is confirmed) or `unreachable` */
  job?: JobStatus | 'missing' | 'absent' | 'unreachable';
  /** accounting's last word */
  final?: JobStatus;
  address?: { host: string; port: number; startedAt: number; endsAt: number };
  /** the agent's choice: a second session of the same repository gets its own */
  workDirectory?: string;
  /** of the agent's own end file */
  end?: { why: EndReason; detail?: string; at: number; saved?: SaveReport };
  agent?:
    | {
        ready: boolean;
        idleSince: number;
        busyKernels: number;
        gpuIdleSince?: number;
        now?: number;
        endsAt?: number;
        saved?: SaveReport;
        internet?: boolean;
      }
    | 'unreachable';
};
