/** Writing: beside the final name, by one round trip where it is small, resumable by size where it is not. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { succeeded } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { RemoteProcess, Transport } from '../core/transport.ts';
import { fileFault } from './file-faults.ts';
import { COMMIT, UPLOAD, WRITE_SMALL } from './file-scripts.ts';
import { checkPath } from './files.ts';

type Shell = Pick<Transport, 'name' | 'run' | 'start'>;
type How = { mode: number; resumeAt?: number; signal?: AbortSignal };

const SMALL = 64 * 1024;
/** the remote side reads the whole file for its hash before it answers the last byte */
const COMMIT_MS = 60_000;

/**
 * `bytes` and `sha256` are of the whole file, as the remote side counted them. The parent directory exists already.
 * E-DISK-FULL, E-SSH-LOST (transient; what arrived is kept in `<path>.partial`), E-CANCELLED, E-REMOTE.
 */
export async function writeFile(
  shell: Shell,
  path: string,
  data: AsyncIterable<Uint8Array>,
  how: How,
): Promise<{ bytes: number; sha256: string }> {
  checkPath(path);
  const mode = (how.mode & 0o777).toString(8).padStart(4, '0');
  const source = data[Symbol.asyncIterator]();
  try {
    const head = await headOf(source);
    if (head.whole && !how.resumeAt) return await writeSmall(shell, path, mode, head.bytes, how.signal);
    return await upload(shell, path, mode, chain(head, source), how);
  } finally {
    await source.return?.();
  }
}

type Head = { bytes: Buffer; whole: boolean };

async function headOf(source: AsyncIterator<Uint8Array>): Promise<Head> {
  const parts: Uint8Array[] = [];
  for (let size = 0; size <= SMALL; ) {
    const next = await source.next();
    if (next.done) return { bytes: Buffer.concat(parts), whole: true };
    parts.push(next.value);
    size += next.value.length;
  }
  return { bytes: Buffer.concat(parts), whole: false };
}

async function* chain(head: Head, source: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head.bytes;
  while (!head.whole) {
    const next = await source.next();
    if (next.done) return;
    yield next.value;
  }
}

async function writeSmall(shell: Shell, path: string, mode: string, data: Buffer, signal?: AbortSignal) {
  const sha256 = createHash('sha256').update(data).digest('hex');
  const beside = `partial-${randomBytes(4).toString('hex')}`;
  const argv = ['sh', '-c', WRITE_SMALL, 'sh', path, mode, String(data.length), sha256, beside];
  const result = await shell.run({ argv, stdin: data }, signal);
  if (!succeeded(result)) throw fileFault(shell.name, 'write', path, result);
  return { bytes: data.length, sha256 };
}

async function upload(shell: Shell, path: string, mode: string, data: AsyncIterable<Uint8Array>, how: How) {
  const partial = `${path}.partial`;
  const from = how.resumeAt ?? 0;
  const process = await shell.start({ argv: ['sh', '-c', UPLOAD, 'sh', partial, String(from)] });
  const [out, err] = [textFrom(process.stdout), textFrom(process.stderr)];
  const hash = createHash('sha256');
  let sent = from;
  try {
    for await (const chunk of data) {
      if (how.signal?.aborted) throw cancelled(path, how.signal);
      if (from === 0) hash.update(chunk);
      sent += chunk.length;
      if (!(await push(process, chunk, how.signal))) break;
    }
    if (how.signal?.aborted) throw cancelled(path, how.signal);
  } catch (error) {
    process.kill('TERM');
    process.stdin.destroy();
    throw error;
  }
  process.stdin.end();
  const ended = await process.ended;
  const [stdout, stderr] = [await out, await err];
  const result = { ended, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr), truncated: false };
  if (!succeeded(result)) throw fileFault(shell.name, 'write', path, result);
  const answer = /^\s*([0-9]+)\s+([0-9a-f]{64})\b/.exec(stdout);
  const [bytes, sha256] = [Number(answer?.[1]), answer?.[2] ?? ''];
  if (bytes !== sent || (from === 0 && hash.digest('hex') !== sha256)) {
    throw new HpcbinderError('E-REMOTE', {
      message: `${path} did not arrive whole on ${shell.name}: ${answer?.[1] ?? 'no'} of ${sent} bytes, or another sha256`,
      hint: `Nothing was stored under that name; ${partial} can be removed.`,
      transient: true,
    });
  }
  const commit = { argv: ['sh', '-c', COMMIT, 'sh', partial, path, mode], timeoutMs: COMMIT_MS };
  const renamed = await shell.run(commit, how.signal);
  if (!succeeded(renamed)) throw fileFault(shell.name, 'write', path, renamed);
  return { bytes, sha256 };
}

/** False when the other side takes no more: its answer then says why. */
async function push(process: RemoteProcess, chunk: Uint8Array, signal?: AbortSignal): Promise<boolean> {
  if (process.stdin.destroyed || process.stdin.writableEnded) return false;
  if (process.stdin.write(chunk)) return true;
  const ready = new AbortController();
  const waits = signal ? AbortSignal.any([ready.signal, signal]) : ready.signal;
  const drained = once(process.stdin, 'drain', { signal: waits }).then(
    () => true,
    () => signal?.aborted === true || process.stdin.writable,
  );
  const over = process.ended.then(() => false);
  try {
    return await Promise.race([drained, over]);
  } finally {
    ready.abort();
  }
}

async function textFrom(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  try {
    for await (const chunk of stream) text += chunk.toString('utf8');
  } catch {
    // cut off: the process' own end says so
  }
  return text.slice(-8192);
}

function cancelled(path: string, signal: AbortSignal): HpcbinderError {
  if (signal.reason instanceof HpcbinderError) return signal.reason;
  return new HpcbinderError('E-CANCELLED', { message: `cancelled while writing ${path}`, cause: signal.reason });
}
