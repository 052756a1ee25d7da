/** ssh2 as a wire: one connection for everything, kept up while no person is needed for it (DESIGN 8). */
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { HpcbinderError } from '../../core/errors.ts';
import type { Endpoint, Link, Prompter, PtySize } from '../../core/transport.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { agentFault, sessionFault } from '../faults.ts';
import { comeBack, isUnreachable } from '../revive.ts';
import { Watched } from '../watch.ts';
import type { RawProcess, Wire } from '../wire.ts';
import { beyondSsh2 } from './beyond.ts';
import { type Opened, openHop } from './client.ts';
import { type Hop, hopsTo } from './hop.ts';
import { KeyRing, type Ssh2 } from './keys.ts';
import type { Openssh } from './only-openssh.ts';
import { processOf } from './process.ts';
import { KEEPALIVE_MS, Pulse } from './pulse.ts';
import { CONNECT_MS } from './socket.ts';
import type { SshTarget } from './target.ts';

/** `config`: the user's ssh configuration, as in hopsTo. OnlyOpenssh for what is left to it. */
export async function openSsh2Wire(
  target: SshTarget,
  prompter: Prompter | undefined,
  how: { config?: string | undefined; openssh?: Openssh } = {},
): Promise<Wire> {
  const hops = hopsTo(target, how.config);
  const beyond = how.openssh && hops.map(beyondSsh2).find((each) => each !== undefined);
  if (beyond) throw beyond;
  const ssh2 = (await import('ssh2')).default as unknown as Ssh2;
  const wire = new Ssh2Wire(hops, ssh2, prompter, how.openssh);
  await wire.reconnect();
  return wire;
}

const DOUBT_AGAIN_MS = 4_000;

class Ssh2Wire implements Wire {
  readonly name: string;
  readonly link = new Watched<Link>('down');
  readonly #hops: readonly Hop[];
  readonly #ssh2: Ssh2;
  readonly #ring: KeyRing;
  readonly #prompter: Prompter | undefined;
  readonly #openssh: Openssh | undefined;
  #clients: Client[] = [];
  /** the socket below them all */
  #socket: Duplex | undefined;
  #attended = false;
  #pulse: Pulse | undefined;
  /** why it stays down */
  #refusal: unknown;
  #stopped = new AbortController();

  constructor(hops: readonly Hop[], ssh2: Ssh2, prompter: Prompter | undefined, openssh: Openssh | undefined) {
    this.#hops = hops;
    this.#ssh2 = ssh2;
    this.#ring = new KeyRing(ssh2);
    this.#prompter = prompter;
    this.#openssh = openssh;
    this.name = hops.at(-1)?.label ?? '';
  }

  async reconnect(): Promise<void> {
    if (this.link.value === 'up') return;
    await this.#open(this.#prompter);
  }

  async #open(prompter: Prompter | undefined): Promise<void> {
    this.#adopt(await this.#chain(prompter));
  }

  /** A connection through all hops; the last one counts. */
  async #chain(prompter: Prompter | undefined): Promise<readonly Opened[]> {
    const chain: Opened[] = [];
    try {
      for (const hop of this.#hops) {
        const via = chain.at(-1)?.client;
        const [ssh2, ring, openssh] = [this.#ssh2, this.#ring, this.#openssh];
        chain.push(await openHop(hop, via, { ssh2, ring, prompter, openssh, stopped: this.#stopped.signal }));
      }
      this.#stopped.signal.throwIfAborted();
    } catch (error) {
      for (const { client } of chain.reverse()) client.destroy();
      throw error;
    }
    return chain;
  }

  #adopt(chain: readonly Opened[]): void {
    const clients = chain.map(({ client }) => client);
    this.#pulse?.stop();
    const pulse: Pulse = new Pulse(() => this.#doubt(clients, pulse));
    this.#pulse = pulse;
    chain.at(-1)?.stream.on('data', () => pulse.beat());
    this.#clients = clients;
    this.#socket = chain[0]?.stream;
    this.#attended = chain.some(({ attended }) => attended);
    clients.at(-1)?.once('close', () => this.#dropped(clients));
    this.link.set('up');
  }

  /** It is silent, or the machine slept: a second connection tells whether the network is there without it. */
  async #doubt(clients: Client[], pulse: Pulse): Promise<void> {
    // Where a person logged in only keepalive decides, for a second connection would ask that person.
    if (this.#attended) return;
    const since = Date.now();
    const chain = await this.#chain(undefined).catch((error: unknown) => {
      // The network may come back; a refusal is not asked for twice (SSH-07).
      if (!isUnreachable(error)) pulse.stop();
    });
    if (chain === undefined) {
      await sleep(DOUBT_AGAIN_MS);
      return;
    }
    // As long as a keepalive needs at most to be sent and answered on the way that has just proved to be there.
    const answered = () => pulse.heard > since || clients !== this.#clients;
    for (let waited = 0; waited < KEEPALIVE_MS + 2_000 && !answered(); waited += 100) await sleep(100);
    if (answered() || this.link.value === 'down') {
      for (const { client } of [...chain].reverse()) client.end();
      return;
    }
    this.#clients = [];
    for (const client of [...clients].reverse()) client.destroy();
    // whoever watches the link learns that what ran over it is gone
    this.link.set('reconnecting');
    this.#adopt(chain);
  }

  #dropped(clients: readonly Client[]): void {
    if (clients !== this.#clients) return;
    this.#clients = [];
    this.#pulse?.stop();
    for (const client of [...clients].reverse()) client.destroy();
    const { name, link } = this;
    const [stopped, attended, prompter] = [this.#stopped.signal, this.#attended, this.#prompter];
    const open = (person: Prompter | undefined) => this.#open(person);
    const refused = (error: unknown) => {
      this.#refusal = error;
    };
    void comeBack({ name, link, stopped, attended, prompter, open, refused });
  }

  async exec(shellCommand: string, { pty }: { pty?: PtySize }): Promise<RawProcess> {
    const client = this.#up();
    const options = pty ? { pty: { rows: pty.rows, cols: pty.cols, term: pty.term ?? 'xterm' } } : {};
    try {
      return await this.#opened<RawProcess>(
        (done) =>
          client.exec(shellCommand, options, (error, channel) => {
            // listened to at once: the end of a short program comes in the same packet
            if (error) done(error);
            else done(undefined, processOf(channel, client, this.name));
          }),
        (late) => late.close(),
      );
    } catch (error) {
      throw error instanceof HpcbinderError ? error : sessionFault(this.name, error);
    }
  }

  async connect(to: Endpoint): Promise<Duplex> {
    const client = this.#up();
    try {
      return await this.#opened<ClientChannel>(
        (done) => {
          if ('socketPath' in to) client.openssh_forwardOutStreamLocal(to.socketPath, done);
          else client.forwardOut('127.0.0.1', 0, to.host, to.port, done);
        },
        (late) => late.destroy(),
      );
    } catch (error) {
      throw error instanceof HpcbinderError ? error : agentFault(to, this.name, error);
    }
  }

  /** Within the deadline; what comes late is closed. */
  async #opened<C>(
    open: (done: (error: Error | undefined, opened?: C) => void) => void,
    close: (late: C) => void,
  ): Promise<C> {
    const opening = new Promise<C>((resolve, reject) => {
      open((error, opened) => (error || opened === undefined ? reject(error) : resolve(opened)));
    });
    const channel = await within(CONNECT_MS, opening);
    if (channel !== TIMED_OUT) return channel;
    void opening.then(close, () => undefined);
    throw this.#lost(`${this.name} does not answer`);
  }

  #up(): Client {
    const client = this.#clients.at(-1);
    if (client && this.link.value === 'up') return client;
    if (this.link.value === 'down' && this.#refusal instanceof HpcbinderError) throw this.#refusal;
    throw this.#lost(`not connected to ${this.name}${this.link.value === 'reconnecting' ? '; reconnecting' : ''}`);
  }

  #lost(message: string): HpcbinderError {
    return new HpcbinderError('E-SSH-LOST', { message, transient: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    this.#pulse?.stop();
    const clients = this.#clients.splice(0).reverse();
    this.link.set('down');
    for (const client of clients) {
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
      client.end();
      if ((await within(1_000, closed)) === TIMED_OUT) client.destroy();
    }
    // after end() a client's own destroy() does nothing, and what it has still to send would hold the process
    this.#socket?.destroy();
  }
}
