import type { HpcbinderError } from '../core/errors.ts';
import type { JobRef, Scheduler } from '../core/scheduler.ts';
import { ask, type Transport } from '../core/transport.ts';
import { throwIfAborted } from './cancelled.ts';
import { type Clock, systemClock } from './clock.ts';

const WAITS_MS = [1000, 3000, 10_000];

/** Asks again while the scheduler does not answer, for about a minute. @throws its refusal, or that it stayed silent */
export async function cancelJob(
  transport: Pick<Transport, 'run'>,
  scheduler: Scheduler,
  job: JobRef,
  options: { clock?: Clock; signal?: AbortSignal } = {},
): Promise<'cancelled' | 'already-over'> {
  const clock = options.clock ?? systemClock;
  let last: HpcbinderError | undefined;
  for (const wait of [0, ...WAITS_MS]) {
    if (wait > 0) await clock.sleep(wait, options.signal);
    throwIfAborted(options.signal);
    const answer = await ask(transport, scheduler.cancel(job), options.signal);
    if (answer.ok) return answer.value;
    last = answer.error;
    if (answer.why === 'refused') break;
  }
  throw last;
}
