/** Waiting that talks: nothing is silent for more than ten seconds. */
import { setTimeout as sleep } from 'node:timers/promises';

/** One line of progress, for a person. */
export type Tell = (line: string) => void;

const EVERY_MS = 8000;

/** Awaits `work`, saying each 8 s that it still goes on, and what came last (`latest`), where something did. */
export async function talking<T>(tell: Tell, what: string, work: Promise<T>, latest?: () => string): Promise<T> {
  const began = Date.now();
  const timer = setInterval(() => {
    const seconds = Math.round((Date.now() - began) / 1000);
    const detail = latest?.() ?? '';
    tell(`${what}: ${seconds} s${detail === '' ? '' : ` (${detail})`}`);
  }, EVERY_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** Asks `ready` every `everyMs` until it answers true or the time is over; the answer says which. */
export async function until(ready: () => Promise<boolean>, withinMs: number, everyMs = 500): Promise<boolean> {
  const end = Date.now() + withinMs;
  for (;;) {
    if (await ready()) return true;
    if (Date.now() > end) return false;
    await sleep(everyMs);
  }
}
