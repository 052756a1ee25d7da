/**
 * What follows the answer of shell, get and put: frames of 1 byte kind, 4 bytes length (big endian), payload. The
 * protocol's text is at the top of sessions/agent/control.py.
 */
import { PassThrough, Readable, type Writable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { HpcbinderError } from '../core/errors.ts';
import { agentFault, type ClientSecrets, type Connect, converse } from './control.ts';
import { type Frame, FrameReader, frameOf, MOST_FRAME, StreamFault } from './stream-core.ts';

export type ShellSize = { rows: number; cols: number };

export type RemoteShell = {
  /** what the terminal shows; without one, the program's standard output */
  readonly output: Readable;
  /** nothing with a terminal */
  readonly errors: Readable;
  /** false: wait for `drained` before the next */
  write(data: Uint8Array): boolean;
  drained(): Promise<void>;
  /** no more input; a terminal has no such end but ctrl-D */
  end(): void;
  resize(size: ShellSize): void;
  /** the program's exit status, 128 + n where signal n ended it; rejects with E-AGENT where the connection broke */
  readonly exited: Promise<number>;
  close(): void;
};

/** A directory's `stream` is a tar with names relative to it, made by others: unpack it as such. It fails where it was cut. */
export type RemoteFile =
  | { kind: 'file'; size: number; mode: number; stream: Readable }
  | { kind: 'directory'; stream: Readable };

/** A login shell in the session's container, or `argv` as it stands; in a terminal of that size, or with pipes. */
export async function openShell(
  connect: Connect,
  session: string,
  secrets: ClientSecrets,
  how: { terminal: (ShellSize & { term?: string }) | undefined; argv?: readonly string[] },
): Promise<RemoteShell> {
  const { socket } = await converse(connect, session, secrets, {
    verb: 'shell',
    ...(how.argv ? { argv: how.argv } : {}),
    ...(how.terminal ?? { terminal: false }),
  });
  const [output, errors] = [new PassThrough(), new PassThrough()];
  const run = async () => {
    try {
      for await (const { kind, data } of frames(socket)) {
        if (kind === 'x') return Number(ending(data).code ?? 1);
        const to = kind === 'd' ? output : kind === 'e' ? errors : undefined;
        if (to && !to.destroyed && !to.write(data)) await drained(to);
      }
      throw cut();
    } finally {
      output.end();
      errors.end();
      socket.destroy();
    }
  };
  return {
    output,
    errors,
    write: (data) => send(socket, 'd', data),
    drained: () => drained(socket),
    end: () => void send(socket, 'x', Buffer.from('{"code":0}')),
    resize: ({ rows, cols }) => void send(socket, 'r', Buffer.from(JSON.stringify({ rows, cols }))),
    exited: run(),
    close: () => socket.destroy(),
  };
}

/** A file or directory of the work directory; `path` is relative to it, and links on the way are refused. */
export async function getPath(
  connect: Connect,
  session: string,
  secrets: ClientSecrets,
  path: string,
): Promise<RemoteFile> {
  const { socket, reply } = await converse(connect, session, secrets, { verb: 'get', path });
  const stream = Readable.from(content(socket), { objectMode: false });
  if (reply.kind === 'directory') return { kind: 'directory', stream };
  return { kind: 'file', size: Number(reply.size), mode: Number(reply.mode) & 0o777, stream };
}

/** Written whole or not at all; a directory's `data` is a tar stream whose entries replace what is there. */
export async function putPath(
  connect: Connect,
  session: string,
  secrets: ClientSecrets,
  to: { path: string; kind: 'file' | 'directory'; mode: number; name?: string },
  data: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { socket } = await converse(connect, session, secrets, { verb: 'put', ...to });
  try {
    const answer = lastFrame(socket);
    // Where the connection breaks in the middle, the answer's fault is the one that is told.
    answer.catch(() => undefined);
    for await (const chunk of data) {
      for (let at = 0; at < chunk.length; at += MOST_FRAME) {
        if (!send(socket, 'd', chunk.subarray(at, at + MOST_FRAME))) await drained(socket);
      }
    }
    send(socket, 'x', Buffer.from('{"code":0}'));
    await answer;
  } finally {
    socket.destroy();
  }
}

async function lastFrame(socket: TLSSocket): Promise<void> {
  for await (const { kind, data } of frames(socket)) {
    if (kind !== 'x') continue;
    ending(data);
    return;
  }
  throw cut();
}

async function* content(socket: TLSSocket): AsyncGenerator<Buffer> {
  try {
    for await (const { kind, data } of frames(socket)) {
      if (kind === 'd') yield data;
      if (kind === 'x') {
        ending(data);
        return;
      }
    }
    throw cut();
  } finally {
    socket.destroy();
  }
}

/** Frames until the stream ends. Throws E-AGENT where one is longer than the protocol allows. */
export async function* frames(stream: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  const reader = new FrameReader();
  try {
    for await (const chunk of stream) {
      reader.feed(chunk);
      for (let frame = reader.next(); frame; frame = reader.next()) yield frame;
    }
  } catch (error) {
    if (error instanceof StreamFault) throw agentFault('sent a frame that is too long', false, error);
    throw error instanceof HpcbinderError ? error : cut(error);
  }
}

export function send(socket: TLSSocket, kind: 'd' | 'r' | 'x', data: Uint8Array): boolean {
  if (socket.destroyed) return true;
  return socket.write(frameOf(kind, data));
}

function drained(socket: Writable): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

function ending(data: Buffer): { code?: number } {
  const value = JSON.parse(data.toString('utf8')) as { code?: number; error?: string };
  if (typeof value.error === 'string') throw new HpcbinderError('E-WORK', { message: value.error });
  return value;
}

function cut(cause?: unknown): HpcbinderError {
  return agentFault('broke the connection in the middle', true, cause);
}
