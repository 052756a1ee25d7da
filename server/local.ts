/** One session served on this machine: loopback on a laptop, a 0600 socket on a login node (DESIGN 16). */
import { HpcbinderError } from '../core/errors.ts';
import { SESSION_ID } from '../core/ids.ts';
import { Access } from './access.ts';
import { AppAgent } from './agent.ts';
import { type Counters, createFront } from './front.ts';
import { LIMITS, type Limits } from './limits.ts';
import { listenOnLoopback, listenOnSocket } from './listen.ts';
import { OpenPages } from './open-pages.ts';
import type { Door, Route } from './routes.ts';

export type LocalSession = {
  /** A fresh link each time: its code works once. `path` begins with `/`. */
  url(path?: string): string;
  /** with a socket: the port of the browser's machine that `ssh -L` is told */
  port: number;
  counters(): Counters;
  /** those that listen for the session's end */
  pages: Pick<OpenPages, 'save' | 'tell'>;
  close(): Promise<void>;
};

/**
 * Serves one session until `close`. The origin is `http://hb-<id>.localhost:PORT`, by the id of `originId` where
 * the session goes on from another.
 *
 * `port` is taken where it is free, another one otherwise (read it back). `urlBase` is the address under which an
 * editor or a reverse proxy forwards to the port; links then begin with it. With `socketPath` nothing listens on TCP.
 * Errors: E-USAGE for a bad `urlBase` or socket path, E-INTERNAL where nothing can be bound.
 */
export async function serveSession(options: {
  route: Route;
  port?: number;
  urlBase?: string;
  socketPath?: string;
  onActivity?: (route: Route) => void;
  limits?: Partial<Limits>;
}): Promise<LocalSession> {
  const { route } = options;
  const limits = { ...LIMITS, ...options.limits };
  const name = route.originId ?? route.sessionId;
  if (!SESSION_ID.test(name)) throw new HpcbinderError('E-INTERNAL', { message: `"${name}" is no session id` });
  const base = options.urlBase === undefined ? undefined : parseBase(options.urlBase);
  const access = new Access(name, route.cookieKey);
  const pages = new OpenPages(route.sessionId);
  const agent = new AppAgent(route.connectApp, limits);
  const streams = new AppAgent(route.openStream ?? route.connectApp, limits, 0);
  const doors = new Map<string, Door>();
  const front = createFront((req) => doors.get(req.headers.host ?? ''), limits, options.onActivity);
  const listening =
    options.socketPath === undefined
      ? await listenOnLoopback(front.server, options.port)
      : await listenOnSocket(front.server(), options.socketPath, options.port);

  const { port } = listening;
  const own = `http://${name}.localhost:${port}`;
  for (const host of ['127.0.0.1', 'localhost']) {
    const origin = `http://${host}:${port}`;
    doors.set(`${host}:${port}`, { route, access, agent, streams, pages, origin, better: base?.origin ?? own });
  }
  for (const origin of base === undefined ? [own] : [own, base.origin]) {
    doors.set(new URL(origin).host, { route, access, agent, streams, pages, origin });
  }

  return {
    url: (path = '/') => `${base?.origin ?? own}${path}${path.includes('?') ? '&' : '?'}c=${access.newCode()}`,
    port,
    counters: front.counters,
    pages,
    async close() {
      const closed = listening.close();
      pages.close();
      front.destroy();
      agent.destroy();
      streams.destroy();
      await closed;
    },
  };
}

/** An origin; a path is refused, for the app lives at `/`. */
function parseBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || `${url.origin}/` !== url.href) {
    throw new HpcbinderError('E-USAGE', {
      message: `"${text}" cannot be the address of a session`,
      hint: 'Give --url-base like https://name.example.org or http://localhost:8080, without a path.',
    });
  }
  return url;
}
