/** Bytes between browser and app, once a request is admitted: streamed, spliced, never held. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Stream } from 'node:stream';
import { createProxyServer } from 'http-proxy';
import { HpcbinderError } from '../core/errors.ts';
import { type Answer, plain, send, sendRaw } from './answers.ts';
import { answerHeaders, upgradeHeaders, upstreamHeaders } from './headers.ts';
import type { Limits } from './limits.ts';
import { lost, slow } from './pages.ts';
import type { Door } from './routes.ts';
import { spliceUpgrade } from './upgrade.ts';
import { type Waiting, WaitingRoom } from './waiting.ts';

const NO_HTTP = plain(502, 'The app sent what is no HTTP answer.');

export type Forwarder = {
  request(req: IncomingMessage, res: ServerResponse, door: Door): void;
  upgrade(req: IncomingMessage, socket: Socket, head: Buffer, door: Door): void;
};

/** A request on its way to the app. It hangs on its message: a WeakMap of all of them is what the collector would live for. */
type Exchange = Waiting & { readonly door: Door; upstream?: ClientRequest; givenUp: boolean };
const EXCHANGE = Symbol('exchange');
type Carrier = IncomingMessage & { [EXCHANGE]?: Exchange };

/** `onWebSocket` is called when one opens (1) and when it is over (-1). */
export function createForwarder(limits: Limits, onWebSocket: (change: 1 | -1) => void): Forwarder {
  // `toProxy` forwards the target as the string that was judged, where http-proxy would parse and print it anew. The
  // name is never looked up: the door's agent makes the connection.
  const proxy = createProxyServer({ target: new URL('http://session.invalid'), toProxy: true, prependPath: false });
  const waiting = new WaitingRoom<Exchange>(limits.responseMs, (exchange) =>
    giveUp(exchange, slow(exchange.req, exchange.door.route, Math.round(limits.responseMs / 1000))),
  );
  const giveUp = (exchange: Exchange, what: Answer) => {
    waiting.leave(exchange);
    exchange.givenUp = true;
    send(exchange.res, what);
    exchange.upstream?.destroy();
  };

  // A browser socket's own errors end in its 'close'; http-proxy insists on a listener.
  proxy.on('error', () => {});
  proxy.on('proxyReq', (appRequest, req: Carrier) => {
    const exchange = req[EXCHANGE];
    if (exchange === undefined) return;
    exchange.upstream = appRequest;
    if (exchange.givenUp) appRequest.destroy();
  });
  proxy.on('econnreset', (_error, req: Carrier) => {
    if (req[EXCHANGE]) waiting.leave(req[EXCHANGE]);
  });
  proxy.on('proxyRes', (appResponse, req: Carrier, res) => {
    const exchange = req[EXCHANGE];
    if (exchange === undefined) return;
    waiting.leave(exchange);
    if (!beginAnswer(res, appResponse)) {
      giveUp(exchange, NO_HTTP);
      return;
    }
    // Half an answer must not look whole: http-proxy leaves the browser waiting when the app dies in the middle.
    appResponse.once('close', () => {
      if (!appResponse.complete) res.destroy();
    });
  });
  proxy.on('proxyReqWs', (appRequest, _req, socket) => spliceUpgrade(appRequest, socket, limits, onWebSocket));

  function request(req: Carrier, res: ServerResponse, door: Door): void {
    req.headers = upstreamHeaders(req, door);
    const exchange: Exchange = { req, res, door, givenUp: false };
    req[EXCHANGE] = exchange;
    waiting.enter(exchange);
    const attempt = (more: number) =>
      proxy.web(req, res, isBodyless(req) ? { agent: door.agent, buffer: NO_BODY } : { agent: door.agent }, () => {
        if (exchange.givenUp) return;
        if (res.headersSent || res.destroyed) {
          res.destroy();
          return;
        }
        // The app closed a kept connection just as we took it from the pool: nobody has seen the request.
        const stale = exchange.upstream?.reusedSocket === true && isBodyless(req);
        if (stale && more > 0) attempt(more - 1);
        else giveUp(exchange, lost(req, door.route));
      });
    attempt(1);
  }

  function upgrade(req: IncomingMessage, socket: Socket, head: Buffer, door: Door): void {
    req.headers = upgradeHeaders(req, door);
    proxy.ws(req, socket, head, { agent: door.streams }, (error) => {
      if (socket.bytesWritten > 0 || !socket.writable) return;
      sendRaw(socket, isFull(error) ? plain(503, `${error.message}.`) : lost(req, door.route));
    });
  }

  return { request, upgrade };
}

/**
 * Status and headers in one go, after which http-proxy only pipes: its own way sets each header alone, and throws where nobody
 * catches. False: Node does not send what its parser takes from an app, such as status 099 or a control character (SECURITY WEB-17).
 */
function beginAnswer(res: ServerResponse, from: IncomingMessage): boolean {
  const { statusCode = 502, statusMessage } = from;
  try {
    res.writeHead(
      statusCode,
      statusMessage || undefined,
      answerHeaders(from, res.shouldKeepAlive ? 'keep-alive' : 'close'),
    );
    return true;
  } catch {
    // of the refused status; it would be that of the next one
    res.statusMessage = '';
    return false;
  }
}

/** The agent was reached, and takes no more. */
function isFull(error: unknown): error is HpcbinderError {
  return error instanceof HpcbinderError && error.code === 'E-AGENT' && !error.transient;
}

/** One with a transfer coding does not come here: admit.ts refuses it for these methods. */
function isBodyless(req: IncomingMessage): boolean {
  return (req.method === 'GET' || req.method === 'HEAD') && Number(req.headers['content-length'] ?? 0) === 0;
}

/** What stands for the body where there is none: http-proxy would pipe the empty request, with all the listeners of a pipe. */
class Nothing extends Stream {
  override pipe<T extends NodeJS.WritableStream>(destination: T): T {
    destination.end();
    return destination;
  }
}

const NO_BODY = new Nothing();
