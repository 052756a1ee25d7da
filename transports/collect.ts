/** A process of its own, collected into one answer: for commands whose payload is too long for the resident shell. */
import type { Readable } from 'node:stream';
import type { Command, CommandResult, Ended } from '../core/command.ts';
import type { RemoteProcess } from '../core/transport.ts';
import { TIMED_OUT, within } from './deadline.ts';
import { DEFAULT_TIMEOUT_MS } from './resident.ts';

/** after the program's end its children may hold the streams open */
const STREAM_GRACE_MS = 1_000;

export async function collect(start: () => Promise<RemoteProcess>, command: Command): Promise<CommandResult> {
  const nothing = new Uint8Array();
  let process: RemoteProcess;
  try {
    process = await start();
  } catch (cause) {
    return { ended: { kind: 'lost', cause }, stdout: nothing, stderr: nothing, truncated: false };
  }
  const maxBytes = command.maxBytes ?? 8 << 20;
  const [out, err] = [gather(process.stdout, maxBytes), gather(process.stderr, maxBytes)];
  const answer = await within(command.timeoutMs ?? DEFAULT_TIMEOUT_MS, process.ended);
  if (answer === TIMED_OUT) process.kill('KILL');
  else await within(STREAM_GRACE_MS, Promise.all([out.done, err.done]));
  const ended: Ended = answer === TIMED_OUT ? { kind: 'timeout' } : answer;
  return { ended, stdout: out.bytes(), stderr: err.bytes(), truncated: out.truncated() || err.truncated() };
}

function gather(stream: Readable, maxBytes: number) {
  const parts: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size < maxBytes) parts.push(chunk);
    size += chunk.length;
  });
  const done = new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.once('end', resolve);
  });
  return { done, bytes: () => Buffer.concat(parts).subarray(0, maxBytes), truncated: () => size > maxBytes };
}
