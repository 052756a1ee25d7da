/**
 * The ways to a compute node's port, in this order: a channel of SSH; a relay on the login node, where its sshd forwards
 * nothing; a relay inside the job, where the login node does not reach the compute node (SECURITY F-19).
 */
import type { Duplex } from 'node:stream';
import { HpcbinderError } from '../core/errors.ts';
import type { Endpoint } from '../core/transport.ts';
import { isForbidden, isUnreached } from './faults.ts';
import { Relay, type Start } from './relay.ts';
import type { Wire } from './wire.ts';

/** A step in a job is not asked for again so soon after one that did not come up. */
const AGAIN_MS = 60_000;

type Inside = { words: string; relay: Relay; reaches: boolean; failedAt: number };

export class Tunnels {
  /** the Python over there; without it there is no relay */
  python: string | undefined;
  readonly #wire: Wire;
  readonly #start: Start;
  readonly #onLogin: Relay;
  #forbidden = false;
  /** one at a time, for each takes one of the few sessions */
  #inside: Inside | undefined;

  constructor(wire: Wire, start: Start) {
    this.#wire = wire;
    this.#start = start;
    this.#onLogin = new Relay(wire.name, start);
  }

  get relayed(): boolean {
    return this.#forbidden;
  }

  /** `inside`: words in front of a command that run it on the endpoint's node. E-AGENT with all that was tried, E-SSH-LOST. */
  async connect(to: Endpoint, inside?: readonly string[]): Promise<Duplex> {
    const { python } = this;
    if (python === undefined || 'socketPath' in to) return this.#wire.connect(to);
    const within = inside && this.#within(inside);
    if (within?.reaches) return within.relay.connect(python, to);
    try {
      return await this.#fromLogin(python, to);
    } catch (error) {
      const lost = this.#wire.link.value !== 'up';
      if (!within || lost || !isUnreached(error) || Date.now() - within.failedAt < AGAIN_MS) throw error;
      return this.#fromInside(python, to, within, error as HpcbinderError);
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

  async #fromInside(python: string, to: Endpoint, inside: Inside, before: HpcbinderError): Promise<Duplex> {
    try {
      const stream = await inside.relay.connect(python, to);
      inside.reaches = true;
      return stream;
    } catch (cause) {
      inside.failedAt = Date.now();
      const why = (error: unknown) =>
        error instanceof HpcbinderError ? (error.evidence.at(-1) ?? error.message) : String(error);
      throw new HpcbinderError('E-AGENT', {
        message: before.message,
        hint: "A firewall between login node and compute nodes? `ports` in the cluster's entry names the range that is open.",
        evidence: [`from the login node: ${why(before)}`, `${inside.words.split(' ')[0]}: ${why(cause)}`],
        transient: true,
        cause,
      });
    }
  }

  #within(words: readonly string[]): Inside {
    const key = words.join(' ');
    if (this.#inside?.words === key) return this.#inside;
    void this.#inside?.relay.end();
    const relay = new Relay(this.#wire.name, (argv) => this.#start([...words, ...argv]));
    this.#inside = { words: key, relay, reaches: false, failedAt: 0 };
    return this.#inside;
  }
}
