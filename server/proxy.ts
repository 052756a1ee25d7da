/** Bytes between browser and app, once a request is admitted: streamed, spliced, never held. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createProxyServer } from 'http-proxy';
import { HpcbinderError } from '../core/errors.ts';
import { plain, send, sendRaw } from './answers.ts';
import { cleanResponse, upgradeHeaders, upstreamHeaders } from './headers.ts';
import type { Limits } from './limits.ts';
import { lost, slow } from './pages.ts';
import type { Door } from './routes.ts';
import { spliceUpgrade } from './upgrade.ts';

export type Forwarder = {
  request(req: IncomingMessage, res: ServerResponse, door: Door): void;
  upgrade(req: IncomingMessage, socket: Socket, head: Buffer, door: Door): void;
};

/** `onWebSocket` is called when one opens (1) and when it is over (-1). */
export function createForwarder(limits: Limits, onWebSocket: (change: 1 | -1) => void): Forwarder {
  // `toProxy` forwards the target as the string that was judged, where http-proxy would parse and print it anew. The
  // name is never looked up: the door's agent makes the connection.
  const proxy = createProxyServer({ target: new URL('http://session.invalid'), toProxy: true, prependPath: false });
  const upstream = new WeakMap<IncomingMessage, ClientRequest>();
  const answered = new WeakSet<ServerResponse>();

  // A browser socket's own errors end in its 'close'; http-proxy insists on a listener.
  proxy.on('error', () => {});
  proxy.on('proxyReq', (appRequest, req, res) => {
    if (answered.has(res)) appRequest.destroy();
    upstream.set(req, appRequest);
  });
  proxy.on('proxyRes', (appResponse, _req, res) => {
    cleanResponse(appResponse);
    appResponse.headers.connection = res.shouldKeepAlive ? 'keep-alive' : 'close';
    // Half an answer must not look whole: http-proxy leaves the browser waiting when the app dies in the middle.
    appResponse.once('close', () => {
      if (!appResponse.complete) res.destroy();
    });
  });
  proxy.on('proxyReqWs', (appRequest, _req, socket) => spliceUpgrade(appRequest, socket, limits, onWebSocket));

  function request(req: IncomingMessage, res: ServerResponse, door: Door): void {
    req.headers = upstreamHeaders(req, door);
    const giveUp = (what: ReturnType<typeof lost>) => {
      answered.add(res);
      send(res, what);
      upstream.get(req)?.destroy();
    };
    watchResponse(req, res, limits.responseMs, () =>
      giveUp(slow(req, door.route, Math.round(limits.responseMs / 1000))),
    );
    const attempt = (more: number) =>
      proxy.web(req, res, { agent: door.agent }, () => {
        if (answered.has(res)) return;
        if (res.headersSent || res.destroyed) {
          res.destroy();
          return;
        }
        // The app closed a kept connection just as we took it from the pool: nobody has seen the request.
        const stale = upstream.get(req)?.reusedSocket === true && isBodyless(req);
        if (stale && more > 0) attempt(more - 1);
        else giveUp(lost(req, door.route));
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

/** The agent was reached, and takes no more. */
function isFull(error: unknown): error is HpcbinderError {
  return error instanceof HpcbinderError && error.code === 'E-AGENT' && !error.transient;
}

function isBodyless(req: IncomingMessage): boolean {
  return (req.method === 'GET' || req.method === 'HEAD') && Number(req.headers['content-length'] ?? 0) === 0;
}

/** Calls back when neither the app has answered nor the browser has sent a byte of its body for `ms`. */
function watchResponse(req: IncomingMessage, res: ServerResponse, ms: number, onSilence: () => void): void {
  let seen = req.socket.bytesRead;
  const timer = setInterval(() => {
    const now = req.socket.bytesRead;
    if (res.headersSent) clearInterval(timer);
    else if (!req.complete && now > seen) seen = now;
    else {
      clearInterval(timer);
      onSilence();
    }
  }, ms);
  res.once('close', () => clearInterval(timer));
}
