/**
 * One shell kept open for polls and short commands: a command costs one round trip instead of a channel and a login
 * (measured at 50 ms round trip with a slow .bashrc: 53 ms instead of 1.1 s). Commands run one after another.
 */
import type { Command, CommandResult, Ended } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { TIMED_OUT, within } from './deadline.ts';
import { Frame } from './frame.ts';
import { type Launched, type Launcher, launch } from './launch.ts';
import { newMark, residentCommand, residentLine } from './programs.ts';

export const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_BYTES = 8 << 20;
const YIELD_MS = 2_000;
/** larger payloads go through a channel of their own */
export const RESIDENT_STDIN = 96 * 1024;

export class ResidentShell {
  readonly #launcher: Launcher;
  #shell: Promise<Launched> | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  /** process groups of shells that were given up, to be killed by the next one */
  #doomed: number[] = [];

  constructor(launcher: Launcher) {
    this.#launcher = launcher;
    // the only session that sshd allows is lent to who needs one; the next command opens it again
    launcher.slots.onlyOneWanted = () => {
      this.#queue = this.#queue.then(() => this.close(YIELD_MS)).catch(() => undefined);
    };
  }

  /** Opens it now, so that a login shell that does not let us work is named at once (E-REMOTE-SHELL). */
  async open(): Promise<void> {
    await this.#opened();
  }

  /** Never throws for the command's own end, nor for a lost link; E-CANCELLED when `signal` aborts. */
  run(command: Command, signal?: AbortSignal): Promise<CommandResult> {
    const turn = this.#queue.then(() => this.#run(command, signal));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #run(command: Command, signal: AbortSignal | undefined): Promise<CommandResult> {
    if (signal?.aborted) throw cancelled(command, signal);
    const mark = newMark();
    const stdin = typeof command.stdin === 'string' ? Buffer.from(command.stdin) : (command.stdin ?? new Uint8Array());
    const line = residentCommand(command, mark, stdin);
    const out = new Frame(mark, command.maxBytes ?? DEFAULT_MAX_BYTES);
    const err = new Frame(mark, command.maxBytes ?? DEFAULT_MAX_BYTES);
    const result = (ended: Ended): CommandResult => {
      const [stdout, stderr] = [out.bytes(), err.bytes()];
      return { ended, stdout, stderr, truncated: out.truncated || err.truncated };
    };
    let shell: Launched;
    try {
      shell = await this.#opened();
    } catch (cause) {
      return result({ kind: 'lost', cause });
    }
    const ended = await this.#exchange(shell, line, out, err, command.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal);
    if (ended.kind !== 'exit') this.#giveUp(shell, ended.kind === 'timeout' || signal?.aborted === true);
    if (signal?.aborted && ended.kind !== 'exit') throw cancelled(command, signal);
    return result(ended);
  }

  async #exchange(
    shell: Launched,
    line: string,
    out: Frame,
    err: Frame,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Ended> {
    const { stdin, stdout, stderr } = shell.process;
    let settle: (ended: Ended) => void = () => {};
    const answered = new Promise<Ended>((resolve) => {
      settle = resolve;
    });
    const look = () => {
      if (out.over && err.over) settle({ kind: 'exit', code: Number(out.tail) });
    };
    const onOut = (chunk: Buffer) => {
      out.feed(chunk);
      look();
    };
    const onErr = (chunk: Buffer) => {
      err.feed(chunk);
      look();
    };
    const onAbort = () => settle({ kind: 'lost', cause: signal?.reason });
    void shell.process.ended.then((ended) =>
      settle({ kind: 'lost', cause: ended.kind === 'lost' ? ended.cause : ended }),
    );
    stdout.on('data', onOut);
    stderr.on('data', onErr);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      stdin.write(`${line}\n`);
      const ended = await within(timeoutMs, answered);
      return ended === TIMED_OUT ? { kind: 'timeout' } : ended;
    } finally {
      stdout.off('data', onOut);
      stderr.off('data', onErr);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #opened(): Promise<Launched> {
    this.#shell ??= this.#launch();
    return this.#shell;
  }

  async #launch(): Promise<Launched> {
    try {
      const shell = await launch(this.#launcher, (mark, setup) => residentLine(mark, setup));
      shell.process.stdin.on('error', () => undefined);
      // between commands nobody listens: what comes then is noise
      shell.process.stdout.on('data', () => undefined);
      shell.process.stderr.on('data', () => undefined);
      // one that died between commands (the line was made anew) fails none of those that follow
      const mine = this.#shell;
      void shell.process.ended.then(() => {
        if (this.#shell === mine) this.#shell = undefined;
      });
      for (const group of this.#doomed.splice(0)) shell.process.stdin.write(`kill -KILL -${group} 2>/dev/null\n`);
      return shell;
    } catch (error) {
      this.#shell = undefined;
      throw error;
    }
  }

  #giveUp(shell: Launched, alive: boolean): void {
    this.#shell = undefined;
    if (alive) this.#doomed.push(shell.pid);
    shell.process.close();
    // not left to the next command, which may never come
    if (alive) void this.#opened().catch(() => undefined);
  }

  /** Ends it: its stdin ends, so does its loop. */
  async close(graceMs: number): Promise<void> {
    const shell = await this.#shell?.catch(() => undefined);
    this.#shell = undefined;
    if (shell === undefined) return;
    shell.process.stdin.end();
    if ((await within(graceMs, shell.process.ended)) === TIMED_OUT) shell.process.close();
  }
}

function cancelled(command: Command, signal: AbortSignal): HpcbinderError {
  if (signal.reason instanceof HpcbinderError) return signal.reason;
  return new HpcbinderError('E-CANCELLED', { message: `cancelled: ${command.argv[0]}`, cause: signal.reason });
}
