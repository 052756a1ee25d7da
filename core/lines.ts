/** A long command on the cluster that tells how far it is: its lines as they come, with a deadline on its silence. */
import type { Command, CommandResult, Ended } from './command.ts';
import { LineCutter } from './line-cutter.ts';
import type { RemoteProcess, Transport } from './transport.ts';

const KEPT_STDERR = 64 << 10;
const SILENCE_MS = 120_000;
/** What an interrupted command has for its own end. */
const LEAVE_MS = 5_000;

export type LinesHow = {
  on(line: string): void;
  /** it must say something within so many milliseconds, or it is ended */
  silenceMs?: number;
  signal?: AbortSignal;
};

/** Through a channel of its own, so that polls go on meanwhile. Of the answer's output only stderr is kept. */
export async function lines(
  transport: Pick<Transport, 'start'>,
  command: Command,
  how: LinesHow,
): Promise<CommandResult> {
  const { signal } = how;
  const process = await transport.start(command, signal ? { signal } : {});
  let timer: NodeJS.Timeout | undefined;
  let cut: (ended: Ended) => void = () => {};
  const over = new Promise<Ended>((resolve) => {
    cut = resolve;
  });
  const within = (ms: number, ended: Ended) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      process.kill('KILL');
      cut(ended);
    }, ms);
  };
  const heard = () => {
    if (!signal?.aborted) within(how.silenceMs ?? SILENCE_MS, { kind: 'timeout' });
  };
  const leave = () => within(LEAVE_MS, { kind: 'lost', cause: signal?.reason });
  signal?.addEventListener('abort', leave, { once: true });
  const stderr = collected(process.stderr);
  heard();
  try {
    const ended = await Promise.race([read(process, how.on, heard), over]);
    return { ended, stdout: new Uint8Array(), stderr: await Promise.race([stderr, nothing()]), truncated: false };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', leave);
  }
}

async function read(process: RemoteProcess, on: (line: string) => void, heard: () => void): Promise<Ended> {
  const cutter = new LineCutter((line) => line !== '' && on(line));
  try {
    for await (const chunk of process.stdout as AsyncIterable<Uint8Array>) {
      heard();
      cutter.take(chunk);
    }
  } catch (cause) {
    return { kind: 'lost', cause };
  }
  return await process.ended;
}

async function collected(stream: AsyncIterable<Buffer>): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of stream) {
      if (size < KEPT_STDERR) parts.push(part);
      size += part.length;
    }
  } catch {
    // cut off: the process' own end says so
  }
  return Buffer.concat(parts).subarray(0, KEPT_STDERR);
}

/** A child of the command may hold stderr open. */
function nothing(): Promise<Uint8Array> {
  return new Promise((resolve) => setTimeout(() => resolve(new Uint8Array()), 1_000).unref());
}
