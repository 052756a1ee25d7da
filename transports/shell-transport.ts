/** The transport over a wire: what local, ssh2 and others share. */
import type { Duplex } from 'node:stream';
import type { Command, CommandResult } from '../core/command.ts';
import type { Endpoint, Link, PtySize, RemoteProcess, Transport, Watchable } from '../core/transport.ts';
import { collect } from './collect.ts';
import { within } from './deadline.ts';
import { readFile } from './files.ts';
import { type Launched, type Launcher, launch } from './launch.ts';
import { type Setup, startLine } from './programs.ts';
import { RESIDENT_STDIN, ResidentShell } from './resident.ts';
import { Slots } from './slots.ts';
import { Tunnels } from './tunnels.ts';
import { writeFile } from './upload.ts';
import type { Wire } from './wire.ts';

const SESSION_CHANNELS = 4;
const CLOSE_GRACE_MS = 2_000;
/** A line that is silent holds nobody who wants to leave. */
const CLOSE_MS = 4_000;

export type ShellOptions = {
  /** the environment of every command: user's or site's own settings */
  setup?: Setup;
  /** how long a login shell may take before it runs our program; 30 s */
  openTimeoutMs?: number;
};

export class ShellTransport implements Transport {
  readonly name: string;
  readonly link: Watchable<Link>;
  readonly #wire: Wire;
  #launcher: Launcher;
  #resident: ResidentShell;
  readonly #live = new Set<Launched>();
  readonly #tunnels: Tunnels;
  #closed: Promise<void> | undefined;

  constructor(wire: Wire, options: ShellOptions = {}) {
    this.name = wire.name;
    this.link = wire.link;
    this.#wire = wire;
    this.#launcher = {
      wire,
      slots: new Slots(wire.sessions ?? SESSION_CHANNELS),
      openTimeoutMs: options.openTimeoutMs ?? 30_000,
      ...(options.setup ? { setup: options.setup } : {}),
    };
    this.#resident = new ResidentShell(this.#launcher);
    // the other half is for the resident shell and what comes and goes
    const most = () => Math.floor(this.#launcher.slots.limit / 2);
    this.#tunnels = new Tunnels(wire, (argv) => this.start({ argv }), most);
  }

  /** Proves that commands can run there; E-REMOTE-SHELL where not. */
  async open(): Promise<this> {
    await this.#resident.open();
    return this;
  }

  /** From now on commands run behind this set-up: a new shell over the same login. E-REMOTE-SHELL where it does not come up. */
  async settle(setup: Setup): Promise<void> {
    const before = this.#resident;
    this.#launcher = { ...this.#launcher, setup };
    this.#resident = new ResidentShell(this.#launcher);
    await Promise.all([this.#resident.open(), before.close(CLOSE_GRACE_MS)]);
  }

  /** `argv[0]` is a program, not a builtin of the shell. */
  async start(command: Command, how: { pty?: PtySize; signal?: AbortSignal } = {}): Promise<RemoteProcess> {
    how.signal?.throwIfAborted();
    const launched = await launch(
      this.#launcher,
      (mark, setup) => startLine(command, mark, { ...(setup ? { setup } : {}), pty: how.pty !== undefined }),
      how.pty,
    );
    this.#live.add(launched);
    const { process } = launched;
    const kill = (signal: 'TERM' | 'INT' | 'HUP' | 'KILL') => void this.#signal(launched, signal);
    const onAbort = () => kill('TERM');
    how.signal?.addEventListener('abort', onAbort, { once: true });
    const ended = process.ended.then((end) => {
      this.#live.delete(launched);
      how.signal?.removeEventListener('abort', onAbort);
      return end;
    });
    if (how.signal?.aborted) onAbort();
    if (command.stdin !== undefined) process.stdin.end(command.stdin);
    const { stdin, stdout, stderr } = process;
    return { stdin, stdout, stderr, ended, resize: (size) => process.resize(size), kill };
  }

  async run(command: Command, signal?: AbortSignal): Promise<CommandResult> {
    if (command.stdin === undefined || command.stdin.length <= RESIDENT_STDIN) {
      return this.#resident.run(command, signal);
    }
    return collect(() => this.start(command, signal ? { signal } : {}), command);
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

  connect(to: Endpoint, inside?: readonly string[]): Promise<Duplex> {
    return this.#tunnels.connect(to, inside);
  }

  get relayed(): boolean {
    return this.#tunnels.relayed;
  }

  /** The Python there, for a relay should one be needed. */
  relayBy(python: string): void {
    this.#tunnels.python = python;
  }

  /** One attempt now, which may ask a person; throws the error of that attempt. */
  reconnect(): Promise<void> {
    return this.#wire.reconnect();
  }

  /** The site's ceiling for a login that outlives its commands, in seconds; 0: none does. */
  async keepAtMost(seconds: number): Promise<void> {
    await this.#wire.keepAtMost?.(seconds);
  }

  async #signal(launched: Launched, name: string): Promise<void> {
    // no other channel may be had while this one is open
    if (this.#launcher.slots.limit === 1 && launched.process.signal) return launched.process.signal(name);
    // the group, through another channel: older sshd's have no signal request (it came with OpenSSH 7.9)
    await this.#resident.run({ argv: ['sh', '-c', `kill -${name} -${launched.pid}`], timeoutMs: 5_000 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#wire.link.value === 'up') {
      const told = Promise.all([...this.#live].map((launched) => this.#signal(launched, 'TERM')));
      await within(
        CLOSE_MS,
        told.then(() => this.#resident.close(CLOSE_GRACE_MS)),
      );
    }
    for (const launched of this.#live) launched.process.close();
    await this.#wire[Symbol.asyncDispose]();
  }
}
