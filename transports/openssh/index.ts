/**
 * The system's OpenSSH as a wire: it logs in, with all that it can do and we cannot (GSSAPI, FIDO keys, certificates,
 * ProxyCommand, Match exec), and everything runs over its one connection. A login for which a person was needed outlives
 * the command in a keeper (keeper.ts), and is never made anew without that person (DESIGN 8).
 */
import { spawn } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { HpcbinderError } from '../../core/errors.ts';
import type { Endpoint, Link, Prompter, PtySize } from '../../core/transport.ts';
import { Connection } from '../channels/connection.ts';
import { tunnel } from '../channels/tunnel.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { agentFault, sessionFault } from '../faults.ts';
import { comeBack } from '../revive.ts';
import { Watched } from '../watch.ts';
import type { RawProcess, Wire } from '../wire.ts';
import { watchOver } from './alive.ts';
import { type Login, targetWords } from './command-line.ts';
import { endMaster, keepAtMost, proxyTo } from './control.ts';
import { controlDirectory, type Place, placeIn } from './directory.ts';
import { locked } from './lock.ts';
import { logIn } from './login.ts';
import { execute } from './process.ts';

const OPEN_MS = 20_000;
const KEEPER_MS = 10_000;

export type Keeping = {
  /** where sockets may lie if there is no runtime directory of the session */
  directory?: string;
  /** seconds without a user after which a kept login ends; 0: it ends with the command */
  keepS: number;
  /** the words that start a keeper, before its own; without them nothing is kept */
  keeper?: readonly string[];
};

export async function openOpensshWire(login: Login, prompter: Prompter | undefined, keeping: Keeping): Promise<Wire> {
  const wire = new OpensshWire(login, prompter, keeping);
  await wire.reconnect();
  return wire;
}

/** Where a login of this kind is kept. */
export function placeOf(login: Login, keeping: Keeping): Place {
  return placeIn(controlDirectory(keeping.directory), [keeping.directory ?? '', ...targetWords(login)]);
}

/** A login that is kept, or one for which a person was needed the last time. */
export function needsPerson(place: Place): boolean {
  return existsSync(place.keeper) || existsSync(place.person);
}

class OpensshWire implements Wire {
  readonly name: string;
  readonly link = new Watched<Link>('down');
  readonly #login: Login;
  readonly #prompter: Prompter | undefined;
  readonly #keeping: Keeping;
  readonly #place: Place;
  #connection: Connection | undefined;
  #attended = false;
  /** the master is ours alone and ends with us */
  #own = false;
  #refusal: unknown;
  #stopped = new AbortController();

  constructor(login: Login, prompter: Prompter | undefined, keeping: Keeping) {
    const { user, host } = login.target;
    this.#login = login;
    this.#prompter = prompter;
    this.#keeping = keeping;
    this.#place = placeOf(login, keeping);
    this.name = user === undefined ? host : `${user}@${host}`;
  }

  async reconnect(): Promise<void> {
    if (this.link.value === 'up') return;
    await this.#open(this.#prompter);
  }

  /** Over a login that is kept; else one is made, by one process at a time. */
  async #open(prompter: Prompter | undefined): Promise<void> {
    if (await this.#joined(this.#place.keeper)) return;
    if (prompter?.lend === undefined) {
      await logIn(this.#login, { socket: this.#place.master, name: this.name, prompter: undefined });
      return this.#alone();
    }
    await locked(this.#place.lock, prompter, async () => {
      if (await this.#joined(this.#place.keeper)) return;
      const { attended } = await logIn(this.#login, { socket: this.#place.master, name: this.name, prompter });
      this.#attended = attended;
      if (attended) writeFileSync(this.#place.person, '', { mode: 0o600 });
      else rmSync(this.#place.person, { force: true });
      if (!(await this.#keep())) await this.#alone();
    });
  }

  async #alone(): Promise<void> {
    this.#own = true;
    if (!(await this.#joined(this.#place.master))) throw this.#lost(`ssh to ${this.name} ended at once`);
  }

  /** Hands the login to a keeper and goes over it; false: there is to be none, or it does not come up. */
  async #keep(): Promise<boolean> {
    const [program, ...words] = this.#keeping.keeper ?? [];
    if (program === undefined || this.#keeping.keepS === 0) return false;
    const kept = { place: this.#place, label: this.name, attended: this.#attended, keepS: this.#keeping.keepS };
    const env = { ...process.env, NODE_OPTIONS: '' };
    const child = spawn(program, [...words, JSON.stringify(kept)], { detached: true, stdio: 'ignore', cwd: '/', env });
    child.once('error', () => undefined);
    child.unref();
    for (const began = Date.now(); Date.now() - began < KEEPER_MS; await sleep(50)) {
      if (await this.#joined(this.#place.keeper)) return true;
    }
    return false;
  }

  async #joined(path: string): Promise<boolean> {
    const proxied = await proxyTo(path);
    if (proxied === undefined) return false;
    if (path === this.#place.keeper) this.#attended = proxied.about.get('attended') === 'yes';
    const { socket } = proxied;
    const connection = new Connection({ input: socket, output: socket, end: () => void socket.destroy() });
    this.#connection = connection;
    this.#refusal = undefined;
    void connection.closed.then(() => this.#dropped(connection));
    // a keeper with a dead line would be in the way of the next login
    watchOver(connection, () => {
      connection.end();
      void endMaster(path).catch(() => false);
    });
    this.link.set('up');
    return true;
  }

  #dropped(connection: Connection): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    const { name, link } = this;
    const [stopped, attended, prompter] = [this.#stopped.signal, this.#attended, this.#prompter];
    const open = (person: Prompter | undefined) => this.#open(person);
    const refused = (error: unknown) => {
      this.#refusal = error;
    };
    void comeBack({ name, link, stopped, attended, prompter, open, refused });
  }

  async exec(shellCommand: string, { pty }: { pty?: PtySize }): Promise<RawProcess> {
    const connection = this.#up();
    const opening = execute(connection, shellCommand, { name: this.name, ...(pty ? { pty } : {}) });
    try {
      return await this.#soon(opening, (late) => late.close());
    } catch (error) {
      throw error instanceof HpcbinderError ? error : this.#fault(connection, error, sessionFault(this.name, error));
    }
  }

  async connect(to: Endpoint): Promise<Duplex> {
    const connection = this.#up();
    try {
      return await this.#soon<Duplex>(tunnel(connection, to), (late) => late.destroy());
    } catch (error) {
      throw error instanceof HpcbinderError ? error : this.#fault(connection, error, agentFault(to, this.name, error));
    }
  }

  async keepAtMost(seconds: number): Promise<void> {
    if (!this.#own && this.#connection) await keepAtMost(this.#place.keeper, seconds);
  }

  #fault(connection: Connection, cause: unknown, fault: HpcbinderError): HpcbinderError {
    return connection.over ? this.#lost(`the connection to ${this.name} broke`, cause) : fault;
  }

  /** Within the deadline; what comes late is closed. */
  async #soon<T>(opening: Promise<T>, close: (late: T) => void): Promise<T> {
    const opened = await within(OPEN_MS, opening);
    if (opened !== TIMED_OUT) return opened;
    void opening.then(close, () => undefined);
    throw this.#lost(`${this.name} does not answer`);
  }

  #up(): Connection {
    if (this.#connection) return this.#connection;
    if (this.link.value === 'down' && this.#refusal instanceof HpcbinderError) throw this.#refusal;
    const why = this.link.value === 'reconnecting' ? '; reconnecting' : this.#attended ? '; you must log in again' : '';
    throw this.#lost(`not connected to ${this.name}${why}`);
  }

  #lost(message: string, cause?: unknown): HpcbinderError {
    return new HpcbinderError('E-SSH-LOST', { message, transient: true, cause });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    const connection = this.#connection;
    this.#connection = undefined;
    this.link.set('down');
    connection?.end();
    if (this.#own) await endMaster(this.#place.master).catch(() => false);
  }
}
