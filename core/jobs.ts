/** A batch job that is run to its end: builds on the cluster, probes of a node, notebook runs. */
import type { JobId, JobSpec, JobStatus } from './scheduler.ts';

export type JobEvent =
  | { type: 'submitted'; id: JobId }
  | { type: 'status'; status: JobStatus }
  | { type: 'log'; line: string }
  | { type: 'unreachable'; since: Date };

export type JobOutcome = { id: JobId; status: JobStatus };

export type RunJob = (job: JobSpec, on: (event: JobEvent) => void, signal: AbortSignal) => Promise<JobOutcome>;
