/** Real sockets on both sides of the proxy: a backend that keeps what it was sent, raw clients, a route between them. */
import { once } from 'node:events';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer as createNet, type Server as NetServer, type Socket } from 'node:net';
import { type LocalSession, serveSession } from '../../server/local.ts';
import type { Route } from '../../server/routes.ts';

export const ID = 'hb-k3f9q2x7ma';
export const TOKEN = 'app-token-0123456789';

export type Rig = {
  session: LocalSession;
  route: Route;
  /** `hb-….localhost:PORT` */
  host: string;
  origin: string;
  /** `name=value` of a browser that is in */
  cookie: string;
  /** what the app is sent in the place of the browser's own */
  appToken: string;
  /** the first bytes of each connection that the backend accepted */
  seen: () => string[];
  openAtBackend: () => number;
  close(): Promise<void>;
};

export type Options = Partial<Parameters<typeof serveSession>[0]> & {
  change?: Partial<Route>;
  onServer?: (server: NetServer) => void;
};

async function rig(server: NetServer, options: Options): Promise<Rig> {
  const seen: Buffer[][] = [];
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    const parts: Buffer[] = [];
    seen.push(parts);
    open.add(socket);
    // A listener for 'data' also makes an http server read its sockets as streams.
    socket.on('data', (part: Buffer) => {
      if (parts.length < 16) parts.push(part);
    });
    socket.on('error', () => {}).on('close', () => open.delete(socket));
  });
  options.onServer?.(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const route: Route = {
    sessionId: ID,
    connectApp: async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    },
    appToken: TOKEN,
    cookieKey: 'ab'.repeat(32),
    state: () => 'ready',
    words: () => ({ repo: 'org/repo @ 4f1c2ab', work: 'hpc:~/hpcbinder/repo', relaunch: 'hpcbinder launch org/repo' }),
    ...options.change,
  };
  const session = await serveSession({ route, ...options });
  const host = `${route.originId ?? route.sessionId}.localhost:${session.port}`;
  const entry = await request(session.port, { path: new URL(session.url()).search.replace(/^/, '/'), host });
  return {
    session,
    route,
    host,
    origin: `http://${host}`,
    cookie: cookieOf(entry),
    appToken: TOKEN,
    seen: () => seen.map((parts) => Buffer.concat(parts).toString('latin1')).filter((text) => text !== ''),
    openAtBackend: () => open.size,
    async close() {
      await session.close();
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A backend that speaks HTTP. */
export function httpRig(listener: RequestListener, options: Options = {}): Promise<Rig> {
  return rig(createHttp(listener), options);
}

/** A backend that accepts, keeps what it is sent, and does what the test says. */
export function rawRig(onConnection: (socket: Socket) => void, options: Options = {}): Promise<Rig> {
  return rig(createNet(onConnection), options);
}

/** The `name=value` of the Set-Cookie in an answer; empty where there is none. */
export function cookieOf(answer: string): string {
  return /^set-cookie: ([^;\r]+)/im.exec(answer)?.[1] ?? '';
}

/** Sends the text and collects what comes until the other side closes, or `quietMs` after the last byte. */
export function raw(port: number, text: string, quietMs = 150): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let got = '';
    let timer: NodeJS.Timeout | undefined;
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(got);
    };
    socket.on('data', (part: Buffer) => {
      got += part.toString('latin1');
      clearTimeout(timer);
      timer = setTimeout(finish, quietMs);
    });
    socket.on('connect', () => {
      socket.write(text, 'latin1');
      timer = setTimeout(finish, quietMs * 4);
    });
    socket.on('error', finish).on('end', finish).on('close', finish);
  });
}

/** One request on a connection of its own; header values as given, Host first. */
export function request(
  port: number,
  what: { path?: string; host: string; method?: string; headers?: Readonly<Record<string, string>>; body?: string },
): Promise<string> {
  const headers = { ...what.headers, Connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${what.method ?? 'GET'} ${what.path ?? '/'} HTTP/1.1\r\nHost: ${what.host}\r\n${lines.join('')}\r\n`;
  return raw(port, head + (what.body ?? ''));
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(answer)?.[1] ?? 0);
}

export const UPGRADE = {
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** An upgrade as a browser sends it. */
export function upgradeText(
  rig: Pick<Rig, 'host' | 'origin' | 'cookie'>,
  change: Readonly<Record<string, string | undefined>> = {},
  path = '/api/kernels/1/channels',
) {
  const headers: Record<string, string | undefined> = {
    Host: rig.host,
    Connection: 'Upgrade',
    ...UPGRADE,
    Origin: rig.origin,
    Cookie: rig.cookie,
    ...change,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}\r\n`],
  );
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** Waits for a condition, at most `ms`. */
export async function until(holds: () => boolean, ms = 15_000): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (!holds() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  return holds();
}
