/** One as-user process: `sudo -n -u USER PROGRAM`, many commands at once over its stdin and stdout. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Command } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { harmless, lastLines } from '../../core/text.ts';
import type { RemoteProcess } from '../../core/transport.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { messageOf } from '../faults.ts';
import { Call } from './call.ts';
import { FrameReader, frameOf, LONGEST_START } from './frames.ts';
import type { Way } from './way.ts';

/** sudo asks the site's directory service for the user's groups; that may take a while. */
const HELLO_MS = 30_000;
/** Its output may end a moment before it does. */
const EXIT_MS = 1_000;
const MOST_SAID = 4096;

export class Helper {
  /** settles when it is gone, with why where that was not in order */
  readonly gone: Promise<HpcbinderError | undefined>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #way: Pick<Way, 'name' | 'fault'>;
  readonly #calls = new Map<number, Call>();
  #next = 1;
  #said = '';
  readonly #exited: Promise<number | null>;
  #fault: unknown;
  #greet: () => void = () => {};

  /** E-USER where sudo or the program refuses, and what the way's own end means. */
  static async open(way: Pick<Way, 'name' | 'fault'>, child: ChildProcessWithoutNullStreams): Promise<Helper> {
    const helper = new Helper(way, child);
    const greeted = new Promise<undefined>((resolve) => {
      helper.#greet = () => resolve(undefined);
    });
    const answer = await within(HELLO_MS, Promise.race([greeted, helper.gone.then(() => 'gone' as const)]));
    if (answer === undefined) return helper;
    helper.end();
    const code = answer === 'gone' ? await within(EXIT_MS, helper.#exited) : TIMED_OUT;
    throw helper.#refusal(code === TIMED_OUT ? null : code);
  }

  private constructor(way: Pick<Way, 'name' | 'fault'>, child: ChildProcessWithoutNullStreams) {
    this.#way = way;
    this.#child = child;
    const reader = new FrameReader();
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', (data: Buffer) => {
      this.#said = (this.#said + data.toString('utf8')).slice(-MOST_SAID);
    });
    child.stdout.on('data', (data: Buffer) => {
      try {
        for (const { kind, call, payload } of reader.take(data)) this.#hear(kind, call, payload);
      } catch (cause) {
        this.#fault = cause;
        this.end();
        child.stdout.destroy();
      }
    });
    this.#exited = new Promise((resolve) => child.once('exit', resolve));
    this.gone = new Promise((resolve) => {
      const over = (cause?: unknown) => {
        // sudo may be gone before the program is: without input that ends too
        this.end();
        const error = this.#calls.size > 0 || this.#fault || cause ? this.#lost(cause ?? this.#fault) : undefined;
        for (const call of this.#calls.values()) call.lose(error);
        this.#calls.clear();
        resolve(error);
      };
      child.once('error', over);
      child.once('exit', () => this.end());
      child.once('close', () => over());
      child.stdout.once('close', () => over());
    });
  }

  /** commands under way, those included whose output is not read yet */
  get live(): number {
    return this.#calls.size;
  }

  /** E-USAGE where it is too long. */
  start(command: Command): RemoteProcess {
    const { argv, cwd, env } = command;
    const asked = Buffer.from(JSON.stringify({ argv, ...(cwd === undefined ? {} : { cwd }), ...(env ? { env } : {}) }));
    if (asked.length > LONGEST_START) {
      throw new HpcbinderError('E-USAGE', {
        message: `a command of ${asked.length} bytes is too long for ${this.#way.name}`,
      });
    }
    const number = this.#next++;
    const call = new Call((kind, payload) => void this.#child.stdin.write(frameOf(kind, number, payload)));
    this.#calls.set(number, call);
    this.#child.stdin.write(frameOf('s', number, asked));
    if (command.stdin !== undefined) call.stdin.end(command.stdin);
    return call;
  }

  /** Its input ends, and with that it ends itself and all that it runs. sudo takes no signal from us, for it is root. */
  end(): void {
    this.#child.stdin.destroy();
  }

  #hear(kind: string, number: number, payload: Buffer): void {
    if (kind === 'h') this.#greet();
    else if (this.#calls.get(number)?.hear(kind, payload)) this.#calls.delete(number);
  }

  #lost(cause: unknown): HpcbinderError {
    return new HpcbinderError('E-REMOTE', {
      message: `the process that acts as ${this.#way.name} ended${cause ? ` (${harmless(messageOf(cause))})` : ''}`,
      evidence: lastLines(this.#said, 3),
      transient: true,
      cause,
    });
  }

  #refusal(code: number | null): HpcbinderError {
    const own = this.#way.fault?.(code, this.#said);
    if (own) return own;
    return new HpcbinderError('E-USER', {
      message: `nothing can be run as ${this.#way.name}`,
      hint: 'Is the account a member of the group of the sudo rule? `hpcbinder admin sudoers` prints the rule, `sudo -l -U SERVICE` what is in force.',
      evidence: lastLines(this.#said, 3).map(harmless),
    });
  }
}
