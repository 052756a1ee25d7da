/**
 * A scheduler is words: job → command, answer → state. No clock, disk, network or process (DESIGN section 3).
 * Slurm says partition, PBS says queue.
 */
import type { Allowance } from './allowance.ts';
import type { Inquiry, Question } from './command.ts';
import type { Waiting } from './waiting.ts';

/** As the scheduler prints it, checked against its grammar. Never mixed with our session id. */
export type JobId = string;

/**
 * One job of ours. A controller that lost its memory gives the same numbers to other jobs; the name is ours alone, and only
 * both together name a job (SECURITY F-23).
 */
export type JobRef = {
  id: JobId;
  tag: string;
  /** whose it is, where that is another than who asks: an endpoint polls for all its users at once */
  owner?: { uid: number; user: string };
};

export type ResourceRequest = {
  partition?: string;
  cpus: number;
  memoryMb: number;
  seconds: number;
  gpus: number;
  gpuType?: string;
  account?: string;
  qos?: string;
  reservation?: string;
  constraint?: string;
  /** `--name=value` words by `--sbatch` or `--qsub`, checked by the scheduler's grammar */
  extra: readonly string[];
};

/** In the job's directory, at its end: what PBS's own programs said of it, prologues among them. Slurm's say it in the log. */
export const SERVER_LOG = 'pbs.log';

export type JobSpec = {
  /** the job's whole name: `hb-` + 10 of a-z0-9 */
  tag: string;
  /** absolute; working directory of the job, holds the script and everything it reads */
  directory: string;
  request: ResourceRequest;
  /** product and version, for admins; the poll never reads it */
  comment: string;
  /** relative to directory */
  log: string;
  /** starts when this job has ended, however it did */
  after?: JobId;
};

/** The phases of every scheduler, in the order of a job's life; `unknown` keeps the raw word. */
export const JOB_STATES = ['pending', 'running', 'suspended', 'completing', 'ended', 'unknown'] as const;
export type JobState = (typeof JOB_STATES)[number];

export type JobEnd =
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'timeout'
  | 'out-of-memory'
  | 'node-failed'
  | 'preempted'
  | 'refused';

export type JobStatus = {
  state: JobState;
  /** the scheduler's own word */
  raw: string;
  /** of a pending job, as the scheduler says it: for people, never for decisions (SECURITY R3) */
  reason?: string;
  /** the same in words */
  waiting?: Waiting;
  nodes: readonly string[];
  /** epoch seconds */
  startsAt?: number;
  endsAt?: number;
  end?: JobEnd;
  exitCode?: number;
  /** the node could not open the job's directory or log: its script never ran */
  unopened?: true;
  /** the batch script ran more than once under this id */
  restarts?: number;
};

export type Partition = {
  name: string;
  isDefault: boolean;
  up: boolean;
  nodes: number;
  /** of the smallest node */
  cpusPerNode: number;
  memoryMbPerNode: number;
  maxSeconds?: number;
  defaultSeconds?: number;
  /** by type; the type is '' where the site names none */
  gpusPerNode: Readonly<Record<string, number>>;
  /** every node has a GPU */
  allNodesHaveGpus: boolean;
  /** uname -m words, where known */
  architectures: readonly string[];
  idleNodes: number;
  /** of its nodes that take jobs now; absent where the nodes may not be looked at */
  free?: { cpus: number; memoryMb: number; gpus: Readonly<Record<string, number>> };
};

/** What became of the wish for more walltime. `over`: the job has ended. */
export type Extension = 'extended' | 'not-permitted' | 'over-limit' | 'over';

export interface Scheduler {
  readonly name: 'slurm' | 'pbs';
  readonly can: { singleton: boolean; testOnly: boolean; extend: boolean };
  /** Throws E-OPTION at what this scheduler has no words for, before anything is built. */
  check(request: ResourceRequest): void;
  /** a constant script beside job.json, working directory = the session's, options as words */
  submit(job: JobSpec, scriptPath: string): Question<JobId>;
  /** absent from the map: it does not know the job. `owner`: the uid that a row must carry */
  status(jobs: readonly JobRef[], owner: number): Question<ReadonlyMap<JobId, JobStatus>>;
  /** from accounting where there is any; undefined: it has no record */
  finalStatus(job: JobRef, owner: number): Inquiry<JobStatus | undefined>;
  /** after a lost answer to submit */
  find(tag: string, owner: number): Inquiry<JobId | undefined>;
  /** name → job, of all jobs of the owner that are not over and whose name is one that core/ids.ts makes */
  unfinished(owner: number): Question<ReadonlyMap<string, JobId>>;
  /**
   * Jobs that wait in the partition, and how many of them the scheduler puts before this one; undefined: it does not wait
   * there. A list of everybody's jobs, so only where a person asks. Absent where the scheduler shows no order.
   */
  position?(job: JobRef, partition: string | undefined): Question<{ ahead: number; waiting: number } | undefined>;
  cancel(job: JobRef): Question<'cancelled' | 'already-over'>;
  /**
   * Another shape for a job that waits: all of it or nothing, and the job keeps its number. `begun`: it waits no more, and
   * nothing was changed. `before`: as it was submitted. Absent where the scheduler has no such way.
   */
  reshape?(job: JobRef, owner: number, before: ResourceRequest, wanted: ResourceRequest): Question<'changed' | 'begun'>;
  /** `seconds` more, which make `total` from the start */
  extend(id: JobId, seconds: number, total: number): Question<Extension>;
  offers(): Inquiry<readonly Partition[]>;
  /** commands by which any user of the cluster may look at the job: for `audit` */
  shownToAll(id: JobId): readonly (readonly string[])[];
  /** in front of a command, these run it on the job's node beside what runs there; absent where there is no such way */
  inside?(id: JobId): readonly string[];
  startEstimate(job: JobSpec): Question<Date | undefined>;
  /** accounts and QOS that the user may use; a scheduler without them asks nothing and gives `NO_ALLOWANCE` */
  allowance(user: string): Inquiry<Allowance>;
}

/** What the node writes first: how the agent is reached. Written by temp + rename. */
export type AddressFile = {
  schema: 1;
  session: string;
  jobId: string;
  restart: number;
  host: string;
  port: number;
  /** epoch seconds, by the cluster's clock */
  startedAt: number;
  endsAt: number;
};
