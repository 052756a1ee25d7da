/** The browser's side, tried as another program of this machine or another page would: a proxy as `open` starts it, and the one that runs. */
import { request } from 'node:http';
import { connect as tcpConnect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Route } from '../server/routes.ts';
import type { Tried } from '../sessions/audit.ts';

type Asked = { what: string; headers?: Record<string, string>; method?: string; path?: string; upgrade?: true };
type Reply = { status: number; cookie: string | undefined; body: string };

const DEADLINE_MS = 30_000;
const FOREIGN = 'http://evil.example';

/** `running`: the port of an `open` or `launch` of this session on this machine. */
export async function auditProxy(route: Route, running: number | undefined): Promise<readonly Tried[]> {
  const { serveSession } = await import('../server/local.ts');
  const served = await serveSession({ route });
  try {
    const link = new URL(served.url());
    const ask = (asked: Asked) => send(served.port, link.host, asked);
    const entered = await ask({ what: '', path: link.pathname + link.search });
    const cookie = entered.cookie?.split(';')[0] ?? '';
    const own = { Cookie: cookie, Origin: link.origin };
    const control = await ask({ what: '', headers: own });
    if (control.status !== 200) {
      const seen = `HTTP ${control.status}: without that nothing can be compared`;
      return [{ what: 'the proxy with its own cookie', result: 'not tried', seen }];
    }
    const tried: Tried[] = [
      {
        what: 'the proxy with its own cookie',
        result: 'note',
        seen: 'HTTP 200, as it must: what follows is compared with that',
      },
    ];
    const attempts: Asked[] = [
      { what: 'a link whose code was used', path: link.pathname + link.search },
      ...anonymous(link.host),
      { what: 'the cookie, under a name that points here (DNS rebinding)', headers: { ...own, Host: 'evil.example' } },
      { what: "the cookie, from another site's page", headers: { ...own, Origin: FOREIGN }, method: 'POST' },
      {
        what: "the cookie, by a WebSocket of another site's page",
        headers: { ...own, Origin: FOREIGN },
        upgrade: true,
      },
      { what: 'the cookie, by a WebSocket without an Origin', headers: { Cookie: cookie }, upgrade: true },
    ];
    for (const each of attempts) tried.push(judged(each, await ask(each)));
    tried.push(await otherAddresses(served.port));
    if (running !== undefined) tried.push(...(await auditRunning(running, route.sessionId)));
    return tried;
  } finally {
    await served.close();
  }
}

/** Needs no secret of ours, so that it can be asked of a proxy that another process holds. */
function anonymous(host: string): Asked[] {
  return [
    { what: 'no cookie' },
    { what: 'no cookie, by a WebSocket', headers: { Origin: `http://${host}` }, upgrade: true },
    { what: 'a cookie that was made up', headers: { Cookie: `hb_x=9999999999.${'A'.repeat(43)}` } },
    { what: 'another Host, no cookie', headers: { Host: 'evil.example' } },
  ];
}

async function auditRunning(port: number, session: string): Promise<Tried[]> {
  const host = `${session}.localhost:${port}`;
  const tried: Tried[] = [];
  for (const each of anonymous(host)) {
    const what = `the proxy that runs on port ${port}: ${each.what}`;
    const reply = await send(port, host, each).catch(() => undefined);
    if (reply === undefined)
      return [{ what: `the proxy on port ${port}`, result: 'not tried', seen: 'none runs there now' }];
    tried.push(judged({ ...each, what }, reply));
  }
  return [...tried, await otherAddresses(port)];
}

/** In is: an answer of the app, a cookie, or a protocol that was switched. */
function judged({ what }: Asked, { status, cookie }: Reply): Tried {
  const opened = status === 101 || (status >= 200 && status < 300) || cookie !== undefined;
  return {
    what,
    result: opened ? 'open' : 'closed',
    seen: `HTTP ${status}${cookie === undefined ? '' : ' and a cookie'}`,
  };
}

/** It listens on loopback only. */
async function otherAddresses(port: number): Promise<Tried> {
  const what = `port ${port} from outside of this machine`;
  const addresses = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter((each) => !each.internal && each.family === 'IPv4')
    .map((each) => each.address);
  const open: string[] = [];
  for (const address of addresses) if (await answers(address, port)) open.push(address);
  if (addresses.length === 0) return { what, result: 'not tried', seen: 'this machine has no other address' };
  if (open.length > 0) return { what, result: 'open', seen: `it answers on ${open.join(', ')}` };
  return { what, result: 'closed', seen: `refused on ${addresses.join(', ')}` };
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = tcpConnect({ host, port, timeout: 3_000 });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket
      .once('connect', () => end(true))
      .once('error', () => end(false))
      .once('timeout', () => end(false));
  });
}

function send(port: number, host: string, asked: Asked): Promise<Reply> {
  const upgrade = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  };
  const headers = { Host: host, ...(asked.upgrade ? upgrade : {}), ...asked.headers };
  const path = asked.path ?? (asked.upgrade ? '/api/events/subscribe' : '/api/status');
  return new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port, path, method: asked.method ?? 'GET', headers, agent: false } as const;
    const req = request({ ...to, timeout: DEADLINE_MS });
    req.on('upgrade', (res, socket) => {
      socket.destroy();
      resolve({ status: res.statusCode ?? 0, cookie: undefined, body: '' });
    });
    req.on('response', (res) => {
      res.resume();
      res.on('end', () => resolve({ status: res.statusCode ?? 0, cookie: res.headers['set-cookie']?.[0], body: '' }));
      res.on('error', reject);
    });
    req.on('timeout', () => req.destroy(new Error('no answer')));
    req.on('error', reject);
    req.end();
  });
}
