import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { sha256 } from '../../../core/canonical.ts';
import { AppAgent } from '../../../server/agent.ts';
import { createFront } from '../../../server/front.ts';
import { LIMITS } from '../../../server/limits.ts';
import { OpenPages } from '../../../server/open-pages.ts';
import type { Door, Route } from '../../../server/routes.ts';
import { EndpointAccess } from '../../../server/sign-in/endpoint-access.ts';
import { Logins } from '../../../server/sign-in/logins.ts';
import { Codes } from '../../../server/sign-in/one-time.ts';
import { State } from '../../../server/state/index.ts';

const ALICE = { account: 'alice', shown: 'alice@campus', roles: ['user'] as const };
const session = 'hb-aaaaaaaaaa';
const cookieKey = 'ab'.repeat(32);
const directory = mkdtempSync(join(tmpdir(), 'hb-streams-'));
const state = State.open(join(directory, 'state'));
const logins = new Logins({
  state: state.logins,
  accounts: () => ({ map: new Map([['alice@campus', 'alice']]), admins: [] }),
  idleSeconds: 3600,
  maxSeconds: 3600,
  now: Date.now,
});
const codes = new Codes();
/** An app that answers each message, and whose `/slow` never ends. */
const app = createServer((_req, res) => res.write('begins\n'));
new WebSocketServer({ server: app }).on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
let door: Door;
let port: number;
const front = createFront(() => door, LIMITS);
const server = front.server();

beforeAll(async () => {
  for (const each of [app, server]) await once(each.listen(0, '127.0.0.1'), 'listening');
  port = (server.address() as AddressInfo).port;
  const connectApp = async () => {
    const socket = connect((app.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  const route: Route = {
    sessionId: session,
    connectApp,
    appToken: 'app-token',
    cookieKey,
    state: () => 'ready',
    words: () => ({ repo: 'org/repo', work: 'hpc:~/repo', relaunch: '' }),
  };
  const access = new EndpointAccess({
    session,
    owner: 'alice',
    cookieKey,
    path: '/',
    secure: false,
    codes,
    login: (hash) => logins.get(hash)?.user,
    alive: (hash) => logins.alive(hash),
  });
  const agent = new AppAgent(connectApp, LIMITS);
  const streams = new AppAgent(connectApp, LIMITS, 0);
  door = { route, origin: `http://127.0.0.1:${port}`, access, pages: new OpenPages(session), agent, streams };
});
afterAll(async () => {
  front.destroy();
  for (const each of [app, server]) {
    each.closeAllConnections();
    each.close();
  }
  state.close();
  rmSync(directory, { recursive: true });
});

/** In by a code, as a browser comes from the endpoint's page. */
function enter() {
  const hash = sha256(logins.create(ALICE, '192.0.2.1').secret);
  const code = codes.issue({ account: 'alice', session, path: '/', login: hash });
  const cookie = (door.access.enter(code, door.origin, Date.now()) ?? '').split(';')[0] ?? '';
  const socket = () =>
    new WebSocket(`ws://127.0.0.1:${port}/api/kernels`, { origin: door.origin, headers: { cookie } });
  return { hash, cookie, socket };
}
async function echoed(socket: WebSocket): Promise<string> {
  socket.send('there?');
  const [data] = await once(socket, 'message');
  return String(data);
}

describe("what a session's origin has open", () => {
  it('ends within five seconds of the login it came of, WebSockets and answers alike; another login’s goes on', async () => {
    const [mine, other] = [enter(), enter()];
    const [a, b] = [mine.socket(), other.socket()];
    await Promise.all([once(a, 'open'), once(b, 'open')]);
    expect([await echoed(a), await echoed(b)]).toEqual(['there?', 'there?']);
    const reader = (await fetch(`${door.origin}/slow`, { headers: { cookie: mine.cookie } })).body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('begins\n');

    logins.end(mine.hash);
    const began = Date.now();
    const answer = reader?.read().then(
      () => 'ended',
      () => 'cut',
    );
    await once(a, 'close');
    expect(await answer).toBe('cut');
    expect(Date.now() - began).toBeLessThan(5000);
    expect(await echoed(b)).toBe('there?');

    const again = mine.socket();
    const [refused] = await once(again, 'unexpected-response').then(([, response]) => [response.statusCode]);
    expect(refused).toBe(403);
    b.terminate();
  });
});
