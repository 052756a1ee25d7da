/** The HTTP server in front of a table of doors: limits, the one decision, and what follows from it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { admit, refusedForm } from './admit.ts';
import { answer, plain, send, sendRaw } from './answers.ts';
import type { Guests } from './guests.ts';
import type { Limits } from './limits.ts';
import { isCrowded } from './pipelined.ts';
import { createForwarder } from './proxy.ts';
import type { FindDoor, Route } from './routes.ts';
import { Staying } from './staying.ts';

/** Since the start; `websockets`: open at present. */
export type Counters = { requests: number; websockets: number };

export type Front = {
  /** a server that listens nowhere yet; each shares counters and doors */
  server(): Server;
  /** the same behind our own TLS */
  secureServer(keys: { cert: Buffer; key: Buffer }): SecureServer;
  counters(): Counters;
  /** ends every connection, spliced ones too */
  destroy(): void;
};

/** What is no session's: the endpoint's own origin. Called with what has a sound form; upgrades are refused there. */
export type Own = {
  owns(req: IncomingMessage): boolean;
  request(req: IncomingMessage, res: ServerResponse): void;
  /** absent: whoever connects may do so as often as there is room */
  guests?: Guests;
  /** no room for one connection more: it is told so (SECURITY F-51) */
  isFull?(connections: number): boolean;
};

const FULL = answer(503, 'The endpoint is at its limit at present. Try again in half a minute.\n', {
  'Content-Type': 'text/plain; charset=utf-8',
  'Retry-After': '30',
});

const TOO_MANY = answer(429, 'Too many connections of your address at once.\n', {
  'Content-Type': 'text/plain; charset=utf-8',
  'Retry-After': '20',
});

export function createFront(
  find: FindDoor,
  limits: Limits,
  onActivity: (route: Route) => void = () => {},
  own?: Own,
): Front {
  const counters: Counters = { requests: 0, websockets: 0 };
  const sockets = new Set<Socket>();
  const refused = new WeakSet<Socket>();
  const staying = new Staying();
  const forwarder = createForwarder(limits, (change) => {
    counters.websockets += change;
  });
  const judge = (req: IncomingMessage, upgrade: boolean) => admit(req, { find, limits, now: Date.now(), upgrade });

  const guests = own?.guests;
  const serving = {
    headersTimeout: limits.headersMs,
    connectionsCheckingInterval: limits.checkMs,
    keepAliveTimeout: limits.keepAliveMs,
    // A large upload may take its time; proxy.ts cuts a body that stands still.
    requestTimeout: 0,
    noDelay: true,
  };

  /** A server of either kind listens itself: one that is only handed connections never looks for those that drip. */
  function equipped<S extends Server | SecureServer>(made: S): S {
    made.maxConnections = limits.connections;
    made.on('connection', (socket: Socket) => {
      if (own?.isFull?.(sockets.size)) refused.add(socket);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      if (guests?.connection(socket) === false) socket.destroy();
    });
    made.on('request', (req: IncomingMessage, res: ServerResponse) => {
      if (isCrowded(req.socket, res)) return;
      if (refused.has(req.socket)) {
        send(res, FULL);
        return;
      }
      if (guests?.request(req, res) === false) {
        send(res, TOO_MANY);
        return;
      }
      if (own?.owns(req)) {
        const malformed = refusedForm(req, limits);
        if (malformed) send(res, malformed);
        else own.request(req, res);
        cutSlowBody(req, limits.responseMs);
        return;
      }
      const verdict = judge(req, false);
      if ('refuse' in verdict) {
        send(res, verdict.refuse);
        return;
      }
      if (verdict.pass.pages.owns(req.url)) {
        send(res, plain(404, 'There is nothing here.'));
        return;
      }
      counters.requests += 1;
      if (verdict.entry.holds !== undefined) staying.watch(res, verdict.entry.holds);
      onActivity(verdict.pass.route);
      forwarder.request(req, res, verdict.pass);
    });
    made.on('upgrade', (req: IncomingMessage, stream: Duplex, head: Buffer) => {
      const socket = stream as Socket;
      socket.on('error', () => socket.destroy());
      if (refused.has(socket)) {
        sendRaw(socket, FULL);
        return;
      }
      if (guests?.request(req, socket) === false) {
        sendRaw(socket, TOO_MANY);
        return;
      }
      const verdict = judge(req, true);
      if ('pass' in verdict && verdict.entry.holds !== undefined) staying.watch(socket, verdict.entry.holds);
      if ('refuse' in verdict) sendRaw(socket, verdict.refuse);
      else if (head.length > 0) sendRaw(socket, plain(400, 'Nothing may follow an upgrade before its answer.'));
      else if (verdict.pass.pages.owns(req.url)) verdict.pass.pages.join(req, socket);
      else {
        onActivity(verdict.pass.route);
        forwarder.upgrade(req, socket, head, verdict.pass);
      }
    });
    made.on('clientError', refuseMalformed);
    return made;
  }

  return {
    server: () => equipped(createServer(serving)),
    secureServer(keys) {
      const tls = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'], handshakeTimeout: limits.headersMs } as const;
      const made = equipped(createSecureServer({ ...serving, ...tls, ...keys }));
      made.on('tlsClientError', (_error, socket) => socket.destroy());
      return made;
    },
    counters: () => ({ ...counters }),
    destroy() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** What the endpoint reads is small, whether it is answered already or not: who drips it only holds a connection (WEB-16). */
function cutSlowBody(req: IncomingMessage, ms: number): void {
  const timer = setTimeout(() => {
    if (!req.complete) req.socket.destroy();
  }, ms).unref();
  req.once('close', () => {
    if (req.complete) clearTimeout(timer);
  });
}

function refuseMalformed(error: NodeJS.ErrnoException, stream: Duplex): void {
  const socket = stream as Socket;
  // In the middle of another answer there is no place for this one.
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    sendRaw(
      socket,
      plain(431, 'The headers are too large. Deleting the cookies of this address in the browser helps.'),
    );
  } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    sendRaw(socket, plain(408, 'The request was not sent in time.'));
  } else {
    sendRaw(socket, plain(400, 'This is no HTTP request.'));
  }
}
