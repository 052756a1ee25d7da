/** A batch job from submit to end, with its log: builds on the cluster, probes of a node, notebook runs. */
import type { JobEvent, JobOutcome, RunJob } from '../core/jobs.ts';
import type { JobRef, JobStatus, Scheduler } from '../core/scheduler.ts';
import { askAll, type Transport } from '../core/transport.ts';
import { cancelJob } from './cancel.ts';
import { throwIfAborted } from './cancelled.ts';
import { type Clock, systemClock } from './clock.ts';
import { followLog } from './log.ts';
import { Poller } from './poller.ts';
import { findJob, submitOnce } from './submit.ts';

export type FollowOptions = {
  /** uid on the cluster */
  owner: number;
  /** the cluster's, where there is one already: one query for all */
  poller?: Poller;
  clock?: Clock;
};

export type RunJobOptions = FollowOptions & {
  /** of the script, relative to the job's directory; it lies there already */
  script: string;
};

/**
 * The outcome's state is `ended`, or `unknown` with raw `absent` where the scheduler has no record of the job: what the
 * job left behind then tells how it went. On abort the job is cancelled and E-CANCELLED thrown.
 */
export function jobRunner(
  transport: Pick<Transport, 'run' | 'read'>,
  scheduler: Scheduler,
  options: RunJobOptions,
): RunJob {
  const { owner, clock = systemClock } = options;
  return async (job, on, signal): Promise<JobOutcome> => {
    try {
      const script = `${job.directory}/${options.script}`;
      const id = await submitOnce(transport, scheduler, job, script, { owner, clock, signal });
      on({ type: 'submitted', id });
      return await followJob(
        transport,
        scheduler,
        { id, tag: job.tag, log: `${job.directory}/${job.log}` },
        on,
        signal,
        options,
      );
    } catch (error) {
      if (signal.aborted) await withdrawJob(transport, scheduler, job.tag, owner, clock);
      throw error;
    }
  };
}

/** A job that was submitted, by whomever: its log from the beginning, to its end. On abort E-CANCELLED, and the job goes on. */
export async function followJob(
  transport: Pick<Transport, 'run' | 'read'>,
  scheduler: Scheduler,
  job: JobRef & { log: string },
  on: (event: JobEvent) => void,
  signal: AbortSignal,
  options: FollowOptions,
): Promise<JobOutcome> {
  const { owner, clock = systemClock } = options;
  const poller = options.poller ?? new Poller(transport, scheduler, { owner, clock });
  const over = new AbortController();
  try {
    const log = followLog(transport, job.log, (line) => on({ type: 'log', line }), { signal: over.signal, clock });
    const status = await ended(poller, job, on, signal, clock).finally(() => over.abort());
    await log;
    throwIfAborted(signal);
    return { id: job.id, status: await withExitCode(transport, scheduler, job, owner, status) };
  } finally {
    if (poller !== options.poller) poller.close();
  }
}

function ended(
  poller: Poller,
  job: JobRef,
  on: Parameters<RunJob>[1],
  signal: AbortSignal,
  clock: Clock,
): Promise<JobStatus> {
  return new Promise((resolve) => {
    let since: Date | undefined;
    const finish = (status: JobStatus) => {
      stop();
      signal.removeEventListener('abort', aborted);
      resolve(status);
    };
    const aborted = () => finish({ state: 'unknown', raw: 'cancelled here', nodes: [] });
    const stop = poller.watch(job, (sighting) => {
      if (sighting === 'unreachable') {
        since ??= new Date(clock.now());
        return on({ type: 'unreachable', since });
      }
      since = undefined;
      if (sighting === 'missing') return;
      if (sighting === 'absent') return finish({ state: 'unknown', raw: 'absent', nodes: [] });
      on({ type: 'status', status: sighting });
      if (sighting.state === 'ended') finish(sighting);
    });
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
  });
}

/** The poll's fixed fields have no exit code. */
async function withExitCode(
  transport: Pick<Transport, 'run'>,
  scheduler: Scheduler,
  job: JobRef,
  owner: number,
  status: JobStatus,
): Promise<JobStatus> {
  if (status.state !== 'ended' || status.exitCode !== undefined) return status;
  const answer = await askAll(transport, scheduler.finalStatus(job, owner));
  return answer.ok && answer.value?.state === 'ended' ? answer.value : status;
}

/** By name, for the abort may have come while the submit's answer was on its way. What fails here is in `list` later. */
export async function withdrawJob(
  transport: Pick<Transport, 'run'>,
  scheduler: Scheduler,
  tag: string,
  owner: number,
  clock: Clock = systemClock,
): Promise<void> {
  const id = await findJob(transport, scheduler, tag, owner).catch(() => undefined);
  if (id !== undefined) await cancelJob(transport, scheduler, { id, tag }, { clock }).catch(() => undefined);
}
