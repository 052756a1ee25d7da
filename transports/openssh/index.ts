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
import { agentFault, isSessionRefused, sessionFault } from '../faults.ts';
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
/** how long sessions of other commands are waited for, and how often is looked */
const OTHERS_MS = 3_000;
const AGAIN_MS = 200;

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
  /** the socket of a master that is ours alone and ends with us; undefined: it is kept for others too */
  #own: string | undefined;
  /** of the login that is kept, once it had no session left for us: its tunnels go on */
  #former: Connection[] = [];
  /** sessions that are open */
  #sessions = 0;
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
      return this.#alone(this.#place.master);
    }
    await locked(this.#place.lock, prompter, async () => {
      if (await this.#joined(this.#place.keeper)) return;
      const { attended } = await logIn(this.#login, { socket: this.#place.master, name: this.name, prompter });
      this.#attended = attended;
      if (attended) writeFileSync(this.#place.person, '', { mode: 0o600 });
      else rmSync(this.#place.person, { force: true });
      if (!(await this.#keep())) await this.#alone(this.#place.master);
    });
  }

  async #alone(path: string): Promise<void> {
    if (!(await this.#joined(path))) throw this.#lost(`ssh to ${this.name} ended at once`);
  }

  /** A connection of our own, where other commands use all sessions of the one that is kept (MaxSessions). */
  async #apart(why: HpcbinderError): Promise<void> {
    const prompter = this.#prompter?.lend ? this.#prompter : undefined;
    prompter?.say(
      `Other commands of yours use all the sessions that ${this.name} allows for one login (MaxSessions): this one logs in by itself.`,
    );
    const { lock, apart: socket } = this.#place;
    const shared = this.#connection;
    const login = () => logIn(this.#login, { socket, name: this.name, prompter });
    try {
      this.#attended = (await (prompter ? locked(lock, prompter, login) : login())).attended;
    } catch (cause) {
      if (prompter) throw cause;
      throw new HpcbinderError('E-REMOTE-SHELL', {
        message: `other commands of yours use all the sessions that ${this.name} allows for the login that is kept (MaxSessions)`,
        hint: 'Wait for them or end them; in a terminal this command would log in by itself.',
        evidence: why.evidence,
        transient: true,
        cause,
      });
    }
    if (shared) this.#former.push(shared);
    await this.#alone(socket);
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
    this.#own = path === this.#place.keeper ? undefined : path;
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
    for (const began = Date.now(); ; await sleep(AGAIN_MS)) {
      const connection = this.#up();
      const opening = execute(connection, shellCommand, { name: this.name, ...(pty ? { pty } : {}) });
      try {
        const process = await this.#soon(opening, (late) => late.close());
        this.#sessions++;
        void process.ended.then(() => this.#sessions--);
        return process;
      } catch (error) {
        if (error instanceof HpcbinderError) throw error;
        const fault = this.#fault(connection, error, sessionFault(this.name, error));
        const byOthers = this.#own === undefined && this.#sessions === 0 && isSessionRefused(fault);
        if (!byOthers) throw fault;
        // a short command may end, and sshd forgets one of ours that has a moment later
        if (Date.now() - began > OTHERS_MS) await this.#apart(fault);
      }
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
    if (this.#own === undefined && this.#connection) await keepAtMost(this.#place.keeper, seconds);
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
    for (const each of [...this.#former, connection]) each?.end();
    if (this.#own !== undefined) await endMaster(this.#own).catch(() => false);
  }
}
