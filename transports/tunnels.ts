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

/** A relay on the compute node, and how it is started there. */
type Way = { name: string; relay: Relay; reaches: boolean; failedAt: number; why?: unknown };

export class Tunnels {
  /** the Python over there; without it there is no relay */
  python: string | undefined;
  readonly #wire: Wire;
  readonly #start: Start;
  readonly #onLogin: Relay;
  #forbidden = false;
  /** of one node at a time, for each takes one of the few sessions */
  #node: { key: string; ways: readonly Way[] } | undefined;

  /** `start` runs a command on the login node. */
  constructor(wire: Wire, start: Start) {
    this.#wire = wire;
    this.#start = start;
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
    const ways = inside && this.#waysTo(to.host, inside);
    const known = ways?.find(({ reaches }) => reaches);
    if (known) return known.relay.connect(python, to);
    try {
      return await this.#fromLogin(python, to);
    } catch (error) {
      if (!ways || this.#wire.link.value !== 'up' || !isUnreached(error)) throw error;
      return this.#fromNode(python, to, ways, error as HpcbinderError);
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

  async #fromNode(python: string, to: Endpoint, ways: readonly Way[], before: HpcbinderError): Promise<Duplex> {
    for (const way of ways) {
      if (Date.now() - way.failedAt < AGAIN_MS) continue;
      try {
        const stream = await way.relay.connect(python, to);
        way.reaches = true;
        return stream;
      } catch (error) {
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

  #waysTo(host: string, inside: readonly string[]): readonly Way[] {
    const key = [host, ...inside].join(' ');
    if (this.#node?.key === key) return this.#node.ways;
    for (const { relay } of this.#node?.ways ?? []) void relay.end();
    const way = (name: string, start: (argv: readonly string[]) => Promise<RemoteProcess>): Way => {
      return { name, relay: new Relay(this.#wire.name, start), reaches: false, failedAt: 0 };
    };
    const [program] = inside;
    const ways = [
      ...(program === undefined ? [] : [way(program, (argv) => this.#start([...inside, ...argv]))]),
      way(`ssh ${host}`, (argv) => onNode(host, argv, this.#start)),
    ];
    this.#node = { key, ways };
    return ways;
  }
}
