/**
 * Tunnels where sshd makes none: one command over there makes the connections and carries all of them over its stdin and
 * stdout (channels/relay.py). It ends with the transport; nothing is installed.
 */
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { lastLines } from '../core/text.ts';
import type { Endpoint, RemoteProcess } from '../core/transport.ts';
import { Connection } from './channels/connection.ts';
import { tunnel } from './channels/tunnel.ts';
import { TIMED_OUT, within } from './deadline.ts';
import { agentFault } from './faults.ts';

const PROGRAM = readFileSync(new URL('channels/relay.py', import.meta.url), 'utf8');
const OPEN_MS = 25_000;
const SAYING_MS = 500;
const SAID = 4096;

export type Start = (argv: readonly string[]) => Promise<RemoteProcess>;

export class Relay {
  readonly #name: string;
  readonly #start: Start;
  #connection: Promise<Connection> | undefined;
  /** the end of its stderr, and when that is all */
  #said = '';
  #silent: Promise<unknown> | undefined;
  #live = 0;

  /** `start` runs a command where the connections are to be made. */
  constructor(name: string, start: Start) {
    this.#name = name;
    this.#start = start;
  }

  /** streams that are open, those included that are being opened */
  get live(): number {
    return this.#live;
  }

  /** it was started and has not ended */
  get running(): boolean {
    return this.#connection !== undefined;
  }

  /** E-AGENT where nobody listens there, as without it. */
  async connect(python: string, to: Endpoint): Promise<Duplex> {
    this.#live++;
    try {
      const stream = await this.#opened(python, to);
      stream.once('close', () => this.#live--);
      return stream;
    } catch (error) {
      this.#live--;
      throw error;
    }
  }

  async #opened(python: string, to: Endpoint): Promise<Duplex> {
    this.#connection ??= this.#run(python);
    const connection = await this.#connection.catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    try {
      const opening = tunnel(connection, to);
      const opened = await within(OPEN_MS, opening);
      if (opened !== TIMED_OUT) return opened;
      void opening.then(
        (late) => late.destroy(),
        () => undefined,
      );
      throw new Error('no answer');
    } catch (cause) {
      const said = connection.over ? await this.#lastWords() : undefined;
      throw agentFault(to, this.#name, said === undefined ? cause : new Error(said, { cause }));
    }
  }

  /** Ends it with all that it carries. */
  async end(): Promise<void> {
    (await this.#connection?.catch(() => undefined))?.end();
  }

  /** Why it is over, as it was said there: no such program, no step for this job. */
  async #lastWords(): Promise<string | undefined> {
    await within(SAYING_MS, this.#silent ?? Promise.resolve());
    return lastLines(this.#said, 1)[0];
  }

  async #run(python: string): Promise<Connection> {
    const process = await this.#start([python, '-I', '-c', PROGRAM]);
    this.#said = '';
    process.stderr.on('data', (data) => {
      this.#said = (this.#said + String(data)).slice(-SAID);
    });
    this.#silent = new Promise((resolve) => process.stderr.once('close', resolve));
    process.stdin.on('error', () => undefined);
    const { stdin: output, stdout: input } = process;
    const connection = new Connection({ input, output, end: () => process.kill('TERM') });
    void connection.closed.then(() => {
      this.#connection = undefined;
    });
    return connection;
  }
}
