/** An image on its way over a line that breaks: again from what arrived, after pauses that grow, within one limit (SECURITY F-10). */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SifFile } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Link, Transport, Watchable } from '../core/transport.ts';
import { duration } from '../core/units.ts';

/** Milliseconds: `limit` of all waiting for the line together, `first` pause. */
export type Patience = { limit: number; first: number };
const PATIENCE: Patience = { limit: 10 * 60_000, first: 1_000 };
const LONGEST_PAUSE_MS = 60_000;

export type Persistence = {
  patience?: Patience;
  signal?: AbortSignal;
  /** how long the line is waited for from now on at most, in words */
  onBroken?(limit: string): void;
  /** what to say of what arrived, where it is given up */
  kept(): string;
};

/**
 * The attempt's value; `again`: an attempt before it was cut off. Other faults are its own. E-SSH-LOST (transient) where the
 * line stays away. A suspended machine waits for nothing: the clock is the one that stands still then.
 */
export async function throughBreaks<T>(
  { name, link }: Pick<Transport, 'name' | 'link'>,
  attempt: (again: boolean) => Promise<T>,
  how: Persistence,
): Promise<T> {
  const { limit, first } = how.patience ?? PATIENCE;
  let left = limit;
  let pause = first;
  let asked = false;
  for (let again = false; ; again = true) {
    const began = performance.now();
    try {
      return await attempt(again);
    } catch (error) {
      if (!isBreak(error, link.value)) throw error;
      const broke = performance.now();
      // one that held for long is not the one that broke before
      if (broke - began > LONGEST_PAUSE_MS) pause = first;
      if (link.value !== 'down') how.onBroken?.(duration(left / 1000));
      const now = await settled(link, Math.min(pause, left), left, how.signal);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      left -= performance.now() - broke;
      if (now === 'up' && left > 0) continue;
      if (now === 'down' && !asked) {
        // once more: a login that was refused meanwhile says why
        asked = true;
        continue;
      }
      const why = now === 'down' ? 'it does not come back by itself' : `was not back within ${duration(limit / 1000)}`;
      throw new HpcbinderError('E-SSH-LOST', {
        message: `the connection to ${name} broke while the image was sent, and ${why}`,
        hint: how.kept(),
        transient: true,
        cause: error,
      });
    }
  }
}

function isBreak(error: unknown, link: Link): error is HpcbinderError {
  if (!(error instanceof HpcbinderError)) return false;
  return error.code === 'E-SSH-LOST' || (error.transient && link !== 'up');
}

/** After the pause, when the line is up or down for good; after `ms` as it is then. */
async function settled(
  link: Watchable<Link>,
  pauseMs: number,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<Link> {
  if (link.value === 'down') return 'down';
  await sleep(pauseMs, undefined, signal ? { signal } : {}).catch(() => undefined);
  signal?.throwIfAborted();
  const over = new AbortController();
  const waits = signal ? AbortSignal.any([over.signal, signal]) : over.signal;
  let forget = () => {};
  const changed = new Promise<void>((resolve) => {
    forget = link.watch((now) => now === 'reconnecting' || resolve());
    if (link.value !== 'reconnecting') resolve();
  });
  await Promise.race([changed, sleep(ms - pauseMs, undefined, { signal: waits }).catch(() => undefined)]);
  over.abort();
  forget();
  signal?.throwIfAborted();
  return link.value;
}

/** Bytes to skip: all that lie there, if they are the beginning of this very file. */
export async function resumable(sif: SifFile, partial: { bytes: number; sha256: string } | undefined): Promise<number> {
  if (partial === undefined || partial.bytes === 0 || partial.bytes >= sif.bytes) return 0;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(sif.path, { end: partial.bytes - 1 }) as AsyncIterable<Buffer>)
    hash.update(chunk);
  return hash.digest('hex') === partial.sha256 ? partial.bytes : 0;
}

/** The file from `start` on; `on` is told what was handed to the line. */
export async function* counted(sif: SifFile, start: number, on: (done: number) => void): AsyncGenerator<Uint8Array> {
  let done = start;
  for await (const chunk of createReadStream(sif.path, { start, highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    yield chunk;
    done += chunk.length;
    on(done);
  }
}
