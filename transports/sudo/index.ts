/**
 * The campus endpoint's way to a user's account: as-user.py by sudo, on its own login node or another (far.ts), no root
 * process and no user's key (docs/security.md). One process per user, started by the first command and ended when nothing was asked for a while.
 */
import { spawn } from 'node:child_process';
import { hostname } from 'node:os';
import type { Duplex } from 'node:stream';
import type { Command, CommandResult } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Endpoint, Link, PtySize, RemoteProcess, Transport } from '../../core/transport.ts';
import { collect } from '../collect.ts';
import { dial } from '../dial.ts';
import { readFile } from '../files.ts';
import { checkWords } from '../programs.ts';
import { Slots } from '../slots.ts';
import { writeFile } from '../upload.ts';
import { Watched } from '../watch.ts';
import { Helper } from './helper.ts';
import { checkAccount, type Way } from './way.ts';

export type { Way } from './way.ts';

export const AS_USER = '/usr/local/libexec/hpcbinder/as-user';

/** Of those that stream, and of short ones; as-user.py takes 32 in all. */
const STREAMS = 8;
const SHORT = 20;
const IDLE_MS = 5 * 60_000;
/** A refusal is told again without asking sudo, which writes each into the site's log; a line that broke may be back sooner. */
const REFUSED_MS = 30_000;
const UNREACHED_MS = 5_000;

const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };

/** The way to `account` on this machine. E-USAGE for what is no account's name; nothing is started yet. */
export function wayTo(account: string, program: string = AS_USER): Way {
  const words = ['-n', '-u', checkAccount(account), program];
  return {
    name: `${account}@${hostname()}`,
    // of the endpoint's own environment nothing is handed on, and sudo answers in English
    spawn: () => spawn('sudo', words, { cwd: '/', detached: true, env: ENVIRONMENT }),
    dial,
  };
}

export class UserTransport implements Transport {
  readonly name: string;
  readonly link = new Watched<Link>('up');
  readonly relayed = false;
  readonly #way: Way;
  readonly #idleMs: number;
  readonly #streams = new Slots(STREAMS);
  readonly #short = new Slots(SHORT);
  #helper: Promise<Helper> | undefined;
  #current: Helper | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** of the one that nobody needed any more */
  #ending: Promise<unknown> | undefined;
  #refused: { error: unknown; until: number } | undefined;

  constructor(way: Way, how: { idleMs?: number } = {}) {
    this.name = way.name;
    this.#way = way;
    this.#idleMs = how.idleMs ?? IDLE_MS;
  }

  /** What is not in the site's programs.json ends with 126 or 127 and says so on stderr. E-USER, E-USAGE. */
  start(command: Command, how: { pty?: PtySize; signal?: AbortSignal } = {}): Promise<RemoteProcess> {
    if (how.pty) return Promise.reject(new HpcbinderError('E-USAGE', { message: `${this.name} has no terminals` }));
    return this.#start(this.#streams, command, how.signal);
  }

  async run(command: Command, signal?: AbortSignal): Promise<CommandResult> {
    if (signal?.aborted) throw cancelled(command, signal);
    checkWords(command);
    // without input it has none, rather than one that may still come
    const whole = { stdin: '', ...command };
    const result = await collect(() => this.#start(this.#short, whole, signal, 'KILL'), command);
    if (signal?.aborted) throw cancelled(command, signal);
    return result;
  }

  read(path: string, range?: { offset: number; length?: number }): Promise<AsyncIterable<Uint8Array> | undefined> {
    return readFile(this, path, range);
  }

  write(
    path: string,
    data: AsyncIterable<Uint8Array>,
    how: { mode: number; resumeAt?: number; signal?: AbortSignal },
  ): Promise<{ bytes: number; sha256: string }> {
    return writeFile(this, path, data, how);
  }

  /** From the endpoint itself: a port is no user's. `inside` is not gone: the endpoint is where the compute nodes are reached. */
  connect(to: Endpoint): Promise<Duplex> {
    return this.#way.dial(to, this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.link.set('down');
    clearTimeout(this.#idle);
    const helper = await this.#helper?.catch(() => undefined);
    helper?.end();
    await Promise.all([helper?.gone, this.#ending]);
  }

  async #start(
    slots: Slots,
    command: Command,
    signal: AbortSignal | undefined,
    by: 'TERM' | 'KILL' = 'TERM',
  ): Promise<RemoteProcess> {
    signal?.throwIfAborted();
    checkWords(command);
    const free = await slots.take();
    clearTimeout(this.#idle);
    try {
      const helper = await this.#opened();
      signal?.throwIfAborted();
      const process = helper.start(command);
      const abort = () => process.kill(by);
      signal?.addEventListener('abort', abort, { once: true });
      void process.ended.then(() => {
        signal?.removeEventListener('abort', abort);
        free();
        this.#rest(helper);
      });
      return process;
    } catch (error) {
      free();
      throw error;
    }
  }

  #opened(): Promise<Helper> {
    if (this.link.value === 'down') throw this.#over();
    if (this.#refused && this.#refused.until > Date.now()) throw this.#refused.error;
    this.#helper ??= this.#open();
    return this.#helper;
  }

  async #open(): Promise<Helper> {
    const over = await this.#way.turn?.();
    try {
      const helper = await Helper.open(this.#way, this.#way.spawn());
      this.#current = helper;
      void helper.gone.then(() => this.#forget(helper));
      return helper;
    } catch (error) {
      this.#helper = undefined;
      const passing = error instanceof HpcbinderError && error.transient;
      this.#refused = { error, until: Date.now() + (passing ? UNREACHED_MS : REFUSED_MS) };
      throw error;
    } finally {
      over?.();
    }
  }

  #forget(helper: Helper): void {
    if (this.#current !== helper) return;
    this.#current = undefined;
    this.#helper = undefined;
  }

  /** A command has ended: when no other came for a while, the process ends too. */
  #rest(helper: Helper): void {
    if (this.#current !== helper) return;
    clearTimeout(this.#idle);
    const over = () => {
      if (helper.live > 0) return this.#rest(helper);
      // the next command does not meet one that is about to end
      this.#forget(helper);
      this.#ending = helper.gone;
      helper.end();
    };
    this.#idle = setTimeout(over, this.#idleMs).unref();
  }

  #over(): HpcbinderError {
    return new HpcbinderError('E-SSH-LOST', { message: `the way to ${this.name} is closed`, transient: true });
  }
}

function cancelled(command: Command, signal: AbortSignal): HpcbinderError {
  if (signal.reason instanceof HpcbinderError) return signal.reason;
  return new HpcbinderError('E-CANCELLED', { message: `cancelled: ${command.argv[0]}`, cause: signal.reason });
}
