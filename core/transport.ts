/** Where commands run and bytes flow. Four verbs (DESIGN section 3); `run` and `ask` are functions over them. */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Answer, Command, CommandResult, Ended, Inquiry, Question } from './command.ts';

export type PtySize = { rows: number; cols: number; term?: string };

export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** with a pty everything comes on stdout */
  readonly stderr: Readable;
  readonly ended: Promise<Ended>;
  resize(size: PtySize): void;
  /** best effort; `ended` still settles */
  kill(signal: 'TERM' | 'INT' | 'HUP' | 'KILL'): void;
}

export interface Watchable<T> {
  readonly value: T;
  /** calls back on each change, until the returned function is called */
  watch(on: (value: T) => void): () => void;
}

export type Link = 'up' | 'reconnecting' | 'down';

export type Endpoint = { host: string; port: number } | { socketPath: string };

export interface Transport extends AsyncDisposable {
  /** `user@host`, or `local`: for messages and work directory names */
  readonly name: string;
  start(command: Command, how?: { pty?: PtySize; signal?: AbortSignal }): Promise<RemoteProcess>;
  /** undefined: there is no such file */
  read(path: string, range?: { offset: number; length?: number }): Promise<AsyncIterable<Uint8Array> | undefined>;
  /**
   * Writes beside the final name and renames, so that a half file is never seen under it.
   * `resumeAt`: the bytes that `<path>.partial` already holds; data then begins there. The sha256 is that of the whole file.
   */
  write(
    path: string,
    data: AsyncIterable<Uint8Array>,
    how: { mode: number; resumeAt?: number; signal?: AbortSignal },
  ): Promise<{ bytes: number; sha256: string }>;
  /**
   * The tunnel is a stream: no local ports. `inside`: the endpoint is on a compute node, which the login node may not reach;
   * words in front of a command that run it there, none where there are no such words.
   */
  connect(to: Endpoint, inside?: readonly string[]): Promise<Duplex>;
  /** sshd was seen to open no tunnels: a command of ours over there carries them */
  readonly relayed: boolean;
  /** a short command through the one resident shell; never throws for a command's own end */
  run(command: Command, signal?: AbortSignal): Promise<CommandResult>;
  readonly link: Watchable<Link>;
}

export async function ask<T>(
  transport: Pick<Transport, 'run'>,
  question: Question<T>,
  signal?: AbortSignal,
): Promise<Answer<T>> {
  return question.parse(await transport.run(question.command, signal));
}

export async function askAll<T>(
  transport: Pick<Transport, 'run'>,
  inquiry: Inquiry<T>,
  signal?: AbortSignal,
): Promise<Answer<T>> {
  const answers: Answer<unknown>[] = [];
  for (const question of inquiry.questions) answers.push(await ask(transport, question, signal));
  return inquiry.combine(answers);
}

/** The file, or its first `maxBytes`. undefined: there is no such file. */
export async function readAll(
  transport: Pick<Transport, 'read'>,
  path: string,
  maxBytes = 4 << 20,
): Promise<Uint8Array | undefined> {
  const stream = await transport.read(path);
  if (stream === undefined) return undefined;
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    parts.push(part.subarray(0, maxBytes - size));
    size += part.length;
    if (size >= maxBytes) break;
  }
  return Buffer.concat(parts);
}

export async function* bytes(data: Uint8Array | string): AsyncIterable<Uint8Array> {
  yield typeof data === 'string' ? new TextEncoder().encode(data) : data;
}

/** The questions that a transport asks a person. Absent: nobody is there to answer. */
export interface Prompter {
  /** a secret is not echoed */
  ask(prompt: string, how: { secret: boolean }): Promise<string>;
  confirm(question: string, fallback: boolean): Promise<boolean>;
  say(line: string): void;
  /**
   * Lends the terminal as it is to a program that asks by itself: each key goes to `typed`, until `end`. Absent where
   * there is none.
   */
  lend?(typed: (keys: string) => void): { rows: number; cols: number; show(output: string): void; end(): void };
}
