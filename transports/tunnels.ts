/**
 * The ways to a compute node's port, in this order: a channel of SSH; a relay on the login node, where its sshd forwards
 * nothing; where the login node does not reach the port, a relay on the compute node: inside the job, or by the node's own
 * sshd (SECURITY F-19).
 */
import type { Duplex } from 'node:stream';
import { HpcbinderError } from '../core/errors.ts';
import type { Endpoint, RemoteProcess } from '../core/transport.ts';
import { isForbidden, isUnreached } from './faults.ts';
import { onNode } from './node.ts';
import { Relay, type Start } from './relay.ts';
import type { Wire } from './wire.ts';

/** A way to the node is not tried again so soon after it did not come up. */
const AGAIN_MS = 60_000;
/** A relay that carries nothing gives its session back after so long. */
const IDLE_MS = 300_000;
/** Which way a node takes is remembered of so many. */
const MOST_KNOWN = 500;

/** A relay on the compute node, and how it is started there. */
type Way = { name: string; relay: Relay; reaches: boolean; failedAt: number; why?: unknown };

/** Its ways, in the order in which they are tried. */
type Node = { key: string; ways: readonly Way[]; idle?: NodeJS.Timeout };

export class Tunnels {
  /** the Python over there; without it there is no relay */
  python: string | undefined;
  readonly #wire: Wire;
  readonly #start: Start;
  readonly #onLogin: Relay;
  readonly #most: () => number;
  #forbidden = false;
  /** least recently used first */
  readonly #nodes = new Map<string, Node>();

  /** `start` runs a command on the login node; of the few sessions there relays on nodes may take `most`. */
  constructor(wire: Wire, start: Start, most: () => number) {
    this.#wire = wire;
    this.#start = start;
    this.#most = most;
    this.#onLogin = new Relay(wire.name, start);
  }

  get relayed(): boolean {
    return this.#forbidden;
  }

  /**
   * `inside`: words in front of a command that run it on the endpoint's node; none where the scheduler has no such way.
   * E-AGENT with all that was tried, E-SSH-LOST.
   */
  async connect(to: Endpoint, inside?: readonly string[]): Promise<Duplex> {
    const { python } = this;
    if (python === undefined || 'socketPath' in to) return this.#wire.connect(to);
    const node = inside && this.#nodeOf(to.host, inside);
    const known = node?.ways.find(({ reaches }) => reaches);
    if (node && known) return this.#over(node, known, python, to);
    try {
      return await this.#fromLogin(python, to);
    } catch (error) {
      if (!node || this.#wire.link.value !== 'up' || !isUnreached(error)) throw error;
      return this.#fromNode(python, to, node, error as HpcbinderError);
    }
  }

  async #fromLogin(python: string, to: Endpoint): Promise<Duplex> {
    if (this.#forbidden) return this.#onLogin.connect(python, to);
    try {
      return await this.#wire.connect(to);
    } catch (error) {
      if (!isForbidden(error)) throw error;
      this.#forbidden = true;
      return this.#onLogin.connect(python, to);
    }
  }

  async #fromNode(python: string, to: Endpoint, node: Node, before: HpcbinderError): Promise<Duplex> {
    const { ways } = node;
    for (const way of ways) {
      if (Date.now() - way.failedAt < AGAIN_MS) continue;
      try {
        const stream = await this.#over(node, way, python, to);
        way.reaches = true;
        return stream;
      } catch (error) {
        if (error instanceof NoRoom) throw error;
        way.failedAt = Date.now();
        way.why = error;
        // the session that it took is for the next one
        void way.relay.end();
      }
    }
    const said = (error: unknown) =>
      error instanceof HpcbinderError ? (error.evidence.at(-1) ?? error.message) : String(error);
    throw new HpcbinderError('E-AGENT', {
      message: before.message,
      hint: "A firewall between login node and compute nodes? `ports` in the cluster's entry names the range that is open.",
      evidence: [`from the login node: ${said(before)}`, ...ways.map(({ name, why }) => `${name}: ${said(why)}`)],
      transient: true,
      cause: ways.at(-1)?.why,
    });
  }

  async #over(node: Node, { relay }: Way, python: string, to: Endpoint): Promise<Duplex> {
    if (!relay.running) this.#makeRoom(node);
    clearTimeout(node.idle);
    const stream = await relay.connect(python, to);
    stream.once('close', () => {
      clearTimeout(node.idle);
      if (!isBusy(node)) node.idle = setTimeout(() => isBusy(node) || end(node), IDLE_MS).unref();
    });
    return stream;
  }

  /** What carries nothing makes place; what carries something is not cut off for another. */
  #makeRoom(wanted: Node): void {
    const others = [...this.#nodes.values()].filter((node) => node !== wanted && isRunning(node));
    const most = Math.max(1, this.#most());
    const idle = others.filter((node) => !isBusy(node));
    for (const node of idle.slice(0, Math.max(0, others.length + 1 - most))) end(node);
    if (others.length - idle.length < most) return;
    throw new NoRoom('E-AGENT', {
      message: `${most} nodes are reached through processes on them, and ${this.#wire.name} opens no more for us`,
      hint: "A firewall between login node and compute nodes? `ports` in the cluster's entry names the range that is open.",
      transient: true,
    });
  }

  #nodeOf(host: string, inside: readonly string[]): Node {
    const key = [host, ...inside].join(' ');
    const node = this.#nodes.get(key) ?? { key, ways: this.#waysTo(host, inside) };
    this.#nodes.delete(key);
    this.#nodes.set(key, node);
    const [oldest] = this.#nodes.values();
    if (oldest && this.#nodes.size > MOST_KNOWN && !isRunning(oldest)) this.#nodes.delete(oldest.key);
    return node;
  }

  #waysTo(host: string, inside: readonly string[]): readonly Way[] {
    const way = (name: string, start: (argv: readonly string[]) => Promise<RemoteProcess>): Way => {
      return { name, relay: new Relay(this.#wire.name, start), reaches: false, failedAt: 0 };
    };
    const [program] = inside;
    return [
      ...(program === undefined ? [] : [way(program, (argv) => this.#start([...inside, ...argv]))]),
      way(`ssh ${host}`, (argv) => onNode(host, argv, this.#start)),
    ];
  }
}

class NoRoom extends HpcbinderError {}

function isRunning({ ways }: Node): boolean {
  return ways.some(({ relay }) => relay.running);
}

function isBusy({ ways }: Node): boolean {
  return ways.some(({ relay }) => relay.live > 0);
}

function end({ ways, idle }: Node): void {
  clearTimeout(idle);
  for (const { relay } of ways) void relay.end();
}
