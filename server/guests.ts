/**
 * How many connections one address may hold at once: who opens thousands and drips leaves room for everybody else (SECURITY
 * WEB-16). A trusted reverse proxy's own connections are everybody's; there its word counts, for each request that is on its way.
 */
import type { IncomingMessage } from 'node:http';
import { isIPv6, type Socket } from 'node:net';

/** What ends once: a connection, or an answer. */
type Ending = { once(event: 'close', listener: () => void): unknown };

export type GuestsOptions = {
  /** of one address; read at each connection, for a policy changes */
  most: () => number;
  /** addresses whose X-Forwarded-For is believed; `unix`: whoever can open our socket */
  trusted: readonly string[] | 'unix';
  /** a peer on loopback is somebody like any other, and not a reverse proxy that nobody named */
  loopbackCounts: boolean;
  /** an address that is refused, at most once a minute each */
  onRefused?(address: string): void;
};

const TOLD_MS = 60_000;
const MOST_TOLD = 1_000;

export class Guests {
  readonly #options: GuestsOptions;
  readonly #held = new Map<string, number>();
  readonly #told = new Map<string, number>();

  constructor(options: GuestsOptions) {
    this.#options = options;
  }

  /** A new connection. False: one too many for its address, to be closed at once. */
  connection(socket: Socket): boolean {
    const peer = plainAddress(socket.remoteAddress);
    return this.#isProxy(peer) || this.#hold(placeOfAddress(peer), socket);
  }

  /** A request or a WebSocket that a proxy brings, until `over` closes. False: one too many for the address that it names. */
  request(req: IncomingMessage, over: Ending): boolean {
    if (!this.#isProxy(plainAddress(req.socket.remoteAddress))) return true;
    const from = this.#forwarded(req);
    return from === undefined || this.#hold(placeOfAddress(from), over);
  }

  #isProxy(peer: string): boolean {
    const { trusted, loopbackCounts } = this.#options;
    if (trusted === 'unix') return true;
    return trusted.includes(peer) || (!loopbackCounts && /^(?:127\.|::1$)/.test(peer));
  }

  /** The last address of the list that no proxy of ours has: what stands before it anybody can have written. */
  #forwarded(req: IncomingMessage): string | undefined {
    const { trusted } = this.#options;
    if (trusted !== 'unix' && trusted.length === 0) return undefined;
    const said = req.headers['x-forwarded-for'];
    const hops = [said ?? []].flat().join(',').split(',').map(plainAddress).filter(Boolean);
    return hops.findLast((hop) => trusted === 'unix' || !trusted.includes(hop));
  }

  #hold(key: string, over: Ending): boolean {
    const held = this.#held.get(key) ?? 0;
    if (held >= this.#options.most()) {
      this.#tell(key);
      return false;
    }
    this.#held.set(key, held + 1);
    over.once('close', () => {
      const left = (this.#held.get(key) ?? 1) - 1;
      if (left > 0) this.#held.set(key, left);
      else this.#held.delete(key);
    });
    return true;
  }

  #tell(key: string): void {
    const now = Date.now();
    if (now - (this.#told.get(key) ?? 0) < TOLD_MS) return;
    if (this.#told.size >= MOST_TOLD) this.#told.clear();
    this.#told.set(key, now);
    this.#options.onRefused?.(key);
  }
}

/** Without the prefix of a v4 address on a v6 socket, without blanks. */
function plainAddress(address = ''): string {
  return address.trim().replace(/^::ffff:(?=[0-9.]+$)/i, '');
}

/** Whose an address is, where something is counted for each: one spelling of it, and of v6 the network. */
export function placeOfAddress(address: string | undefined): string {
  return networkOf(plainAddress(address));
}

/** Of v6 the first 64 bits: whoever has one such address has them all (RFC 6177). */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [front = [], back = []] = address
    .replace(/%.*$/, '')
    .split('::')
    .map((part) => part.split(':').filter(Boolean));
  const zeros = Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  const groups = [...front, ...zeros, ...back].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
