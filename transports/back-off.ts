/** 1, 2, 4 … 60 s, each a quarter more or less, so that a lab's laptops do not come back all at once. */
import { SLEPT_MS } from './ssh2/pulse.ts';

const LONGEST_S = 60;
const SLICE_MS = 1_000;

export function delayMs(attempt: number, random: number): number {
  return Math.round(Math.min(LONGEST_S, 2 ** attempt) * 1000 * (0.75 + random / 2));
}

/** Yields once after each wait, until aborted. On waking from sleep it waits no longer, and begins anew. */
export async function* backOff(signal: AbortSignal): AsyncGenerator<number> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    if (await nap(delayMs(attempt, Math.random()), signal)) attempt = 0;
    if (signal.aborted) return;
    yield attempt;
  }
}

/** Resolves after `ms` or on abort, false; or as soon as the machine has woken from sleep, true. */
async function nap(ms: number, signal: AbortSignal): Promise<boolean> {
  for (let left = ms; left > 0 && !signal.aborted; left -= SLICE_MS) {
    const began = Date.now();
    await slice(Math.min(left, SLICE_MS), signal);
    if (Date.now() - began > SLICE_MS + SLEPT_MS) return true;
  }
  return false;
}

function slice(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener('abort', over);
  });
}
