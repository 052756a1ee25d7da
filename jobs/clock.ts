/** Time as an argument, so that a test of an hour's polling takes a millisecond. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** milliseconds since the epoch; never less than before */
  now(): number;
  /** resolves early, and never throws, when the signal aborts */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

let last = Date.now();
let setBack = 0;

/** Where the machine's clock is set back this one goes on: nothing waits for the hour to come again (SECURITY F-46). Sleep counts. */
export const systemClock: Clock = {
  now() {
    const wall = Date.now();
    setBack += Math.max(0, last - wall);
    last = wall;
    return wall + setBack;
  },
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined),
};
