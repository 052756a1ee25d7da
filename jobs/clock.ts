/** Time as an argument, so that a test of an hour's polling takes a millisecond. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** milliseconds since the epoch */
  now(): number;
  /** resolves early, and never throws, when the signal aborts */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined),
};
