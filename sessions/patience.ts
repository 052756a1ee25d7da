/** `--max-wait`: a job that has not begun by then is taken back, and that is said (SECURITY F-28). */
import type { Cluster } from '../core/cluster.ts';
import { HpcbinderError } from '../core/errors.ts';
import { duration } from '../core/units.ts';
import { cancelJob } from '../jobs/cancel.ts';
import type { SessionRecord } from './records.ts';
import { jobOf } from './watch.ts';

export type Patience = {
  /** by which the job must have begun, in milliseconds; Infinity: for ever */
  until: number;
  seconds: number;
  /** the scheduler took the cancel */
  spent: boolean;
};

export function patience(now: Date, seconds: number | undefined): Patience {
  return { until: now.getTime() + (seconds ?? Number.POSITIVE_INFINITY) * 1000, seconds: seconds ?? 0, spent: false };
}

/** Asks the scheduler to cancel the job, once its time is over. One that is silent is asked again at the next look. */
export async function lose(
  patience: Patience,
  cluster: Cluster,
  session: SessionRecord,
  world: { now(): Date; sleep(ms: number, signal: AbortSignal): Promise<void> },
  signal: AbortSignal,
): Promise<void> {
  if (patience.spent || session.phase !== 'queued' || world.now().getTime() < patience.until) return;
  const clock = { now: () => world.now().getTime(), sleep: (ms: number) => world.sleep(ms, signal) };
  const { transport, scheduler } = cluster;
  patience.spent = await cancelJob(transport, scheduler, jobOf(session), { clock, signal }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof HpcbinderError && error.transient) return false;
      throw error;
    },
  );
}

/** The end that was asked for; undefined where the job ended in another way. */
export function waitedEnough({ spent, seconds }: Patience, session: SessionRecord): HpcbinderError | undefined {
  if (!spent || session.ended?.why !== 'cancelled') return undefined;
  return new HpcbinderError('E-MAX-WAIT', {
    message: `job ${session.jobId ?? ''} had not begun after ${duration(seconds)} (--max-wait) and was cancelled`,
    hint: 'Ask for less time, memory or GPUs, or for another partition: smaller jobs begin sooner.',
    transient: true,
  });
}
