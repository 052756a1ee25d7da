/** Follows a growing file by ranged reads: no process stays on the login node, and a lost link resumes where it was. */
import { plainLine } from '../core/text.ts';
import type { Transport } from '../core/transport.ts';
import { type Clock, systemClock } from './clock.ts';

const EVERY_MS = 1000;
const MOST_PER_READ = 1 << 20;
const LONGEST_LINE = 64 << 10;

export type Follower = {
  /** reads what is there now; @returns the number of new bytes */
  read(): Promise<number>;
  /** the last line, where no newline ended it */
  flush(): void;
};

/** A file that is not there yet is empty. Lines come without escapes; of a line redrawn by CR the last state counts. */
export function follower(transport: Pick<Transport, 'read'>, path: string, onLine: (line: string) => void): Follower {
  let offset = 0;
  let rest = '';
  const decoder = new TextDecoder();
  const say = (line: string) => onLine(plainLine(line.replace(/\r$/, '').replace(/^.*\r/s, '')));
  return {
    async read() {
      const stream = await transport.read(path, { offset, length: MOST_PER_READ });
      const before = offset;
      for await (const part of stream ?? []) {
        offset += part.length;
        const lines = (rest + decoder.decode(part, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        lines.forEach(say);
        if (rest.length > LONGEST_LINE) {
          say(rest);
          rest = '';
        }
      }
      return offset - before;
    },
    flush() {
      if (rest !== '') say(rest);
      rest = '';
    },
  };
}

/** Until the signal fires. A read that fails is tried again: the poller is who says that the cluster is gone. */
export async function followLog(
  transport: Pick<Transport, 'read'>,
  path: string,
  onLine: (line: string) => void,
  how: { signal: AbortSignal; clock?: Clock },
): Promise<void> {
  const log = follower(transport, path, onLine);
  const clock = how.clock ?? systemClock;
  const next = () => log.read().catch(() => 0);
  while (!how.signal.aborted) {
    const grown = await next();
    if (grown < MOST_PER_READ) await clock.sleep(EVERY_MS, how.signal);
  }
  // what the job wrote last reaches a shared file system a moment after the job's end
  while ((await next()) > 0) await clock.sleep(EVERY_MS / 5);
  log.flush();
}
