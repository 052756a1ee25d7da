/** A pool of connections to one session's app. How a connection comes about is the route's business. */
import { Agent, type ClientRequest, type ClientRequestArgs } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HpcbinderError } from '../core/errors.ts';
import type { Limits } from './limits.ts';

/** What http and http-proxy call on a connection: a socket's manners. A numbered stream has them too. */
type AppStream = Duplex & Pick<Socket, 'setTimeout' | 'setNoDelay' | 'setKeepAlive' | 'ref' | 'destroySoon'>;

/** On a connection that waits for its next request. A WeakSet of them would cost the collector more than all our checks. */
const SPARE = Symbol('spare');
type Watched = Duplex & { [SPARE]?: boolean };

/** connections to one app */
const MOST = 64;

/** Node's agent would take the Host of every request apart for one, which nobody reads: a TLS of ours names the session's agent. */
const NO_SERVER_NAME = { servername: '' };

/** With keep-alive a request costs no TLS handshake and no SSH channel: 1.0–1.6 times the rate instead of 0.7–0.9. */
export class AppAgent extends Agent {
  readonly #connect: () => Promise<Duplex>;
  readonly #deadlineMs: number;

  /** `kept`: how many spare connections are kept for the next request; 0 where each is for one WebSocket. */
  constructor(connect: () => Promise<Duplex>, limits: Limits, kept = MOST) {
    // A browser opens 6 connections per origin; the rest is for tabs and scripts. Newest first, so that spares time out. All are
    // kept: with 8 spares and 64 busy browsers most requests paid for a handshake (75 instead of 1,500 a second).
    const spares = kept > 0 ? { keepAlive: true, maxFreeSockets: kept } : { keepAlive: false };
    super({ ...NO_SERVER_NAME, ...spares, maxSockets: MOST, scheduling: 'lifo', timeout: limits.idleAppMs });
    this.#connect = connect;
    this.#deadlineMs = limits.connectMs;
  }

  /** All its connections lead to one app: they need no telling apart by a name that is put together for each request. */
  override getName(): string {
    return '';
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    let open = true;
    const settle = (error: Error | null, stream: Duplex | undefined) => {
      clearTimeout(timer);
      if (!open) {
        stream?.destroy();
        return;
      }
      open = false;
      // Node's own agent passes undefined beside an error; its type does not say so.
      callback?.(error, stream as Duplex);
    };
    const timer = setTimeout(() => settle(agentFault('does not answer'), undefined), this.#deadlineMs);
    this.#connect().then(
      (stream) => {
        if (hasManners(stream)) settle(null, watched(stream));
        else settle(agentFault('was reached by a stream that is no socket'), stream);
      },
      (cause: unknown) => settle(agentFault('cannot be reached', cause), undefined),
    );
  }

  /** Through a tunnel the end of a dead agent arrives alone: the socket stays writable, and a request on it would hang. */
  override keepSocketAlive(stream: Duplex): boolean {
    if (stream.readableEnded) return false;
    (stream as Watched)[SPARE] = true;
    // Node returns a boolean; its type does not say so.
    const kept: unknown = super.keepSocketAlive(stream);
    return kept === true;
  }

  override reuseSocket(stream: Duplex, request: ClientRequest): void {
    (stream as Watched)[SPARE] = false;
    super.reuseSocket(stream, request);
  }
}

/** One listener for good: another one for each request would be two changes of the list of them. */
function watched<T extends Duplex & Watched>(stream: T): T {
  stream.once('end', () => {
    if (stream[SPARE]) stream.destroy();
  });
  return stream;
}

function hasManners(stream: Duplex): stream is AppStream {
  const called = ['setTimeout', 'setNoDelay', 'setKeepAlive', 'ref', 'destroySoon'];
  return called.every((name) => name in stream);
}

function agentFault(what: string, cause?: unknown): HpcbinderError {
  return new HpcbinderError('E-AGENT', { message: `the agent of the session ${what}`, transient: true, cause });
}
