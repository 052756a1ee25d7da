/** 1, 2, 4 … 60 s, each a quarter more or less, so that a lab's laptops do not come back all at once. */
import { setTimeout as sleep } from 'node:timers/promises';

const LONGEST_S = 60;

export function delayMs(attempt: number, random: number): number {
  return Math.round(Math.min(LONGEST_S, 2 ** attempt) * 1000 * (0.75 + random / 2));
}

/** Yields once after each wait, until aborted. */
export async function* backOff(signal: AbortSignal): AsyncGenerator<number> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      await sleep(delayMs(attempt, Math.random()), undefined, { signal });
    } catch {
      return;
    }
    yield attempt;
  }
}
