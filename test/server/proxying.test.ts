import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import type { RouteState } from '../../server/routes.ts';
import { httpRig, ID, type Rig, raw, rawRig, request, statusOf, TOKEN, until, upgradeText } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

const get = (path = '/', headers: Record<string, string> = {}) =>
  request(rig.session.port, { path, host: rig.host, headers: { Cookie: rig.cookie, Accept: 'text/html', ...headers } });

/** A backend with a WebSocket echo at every path. */
async function echoRig(): Promise<{
  rig: Rig;
  upgrades: { authorization?: string; cookie?: string; host?: string }[];
}> {
  const sockets = new WebSocketServer({ noServer: true });
  const upgrades: { authorization?: string; cookie?: string; host?: string }[] = [];
  const made = await httpRig(() => {}, {
    change: {},
    onServer: (server) => {
      server.on('upgrade', (req, socket, head) => {
        const { authorization, cookie, host } = req.headers;
        upgrades.push({ authorization, cookie, host });
        sockets.handleUpgrade(req, socket as Socket, head, (client) => {
          client.on('message', (data, binary) => client.send(data, { binary }));
        });
      });
    },
  });
  return { rig: made, upgrades };
}

function open(on: Rig): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${on.session.port}/api/kernels/1/channels`, {
    origin: on.origin,
    headers: { Host: on.host, Cookie: on.cookie, Authorization: 'token forged' },
  });
}

describe('WebSockets', () => {
  it('are spliced both ways, with the app’s token and the browser’s Host', async () => {
    const made = await echoRig();
    rig = made.rig;
    const socket = open(rig);
    await once(socket, 'open');
    expect(rig.session.counters().websockets).toBe(1);
    const big = Buffer.alloc(4 << 20, 7);
    socket.send(big);
    const [echoed] = await once(socket, 'message');
    expect(big.equals(echoed)).toBe(true);
    expect(made.upgrades).toEqual([{ authorization: `token ${TOKEN}`, cookie: undefined, host: rig.host }]);
    socket.close();
    await once(socket, 'close');
    expect(await until(() => rig.session.counters().websockets === 0 && rig.openAtBackend() === 0)).toBe(true);
  });

  it('end on both sides when the browser vanishes, and when the session is closed', async () => {
    rig = (await echoRig()).rig;
    const first = open(rig);
    await once(first, 'open');
    first.terminate();
    expect(await until(() => rig.openAtBackend() === 0)).toBe(true);
    const second = open(rig);
    await once(second, 'open');
    await rig.session.close();
    await once(second, 'close');
    expect(await until(() => rig.openAtBackend() === 0)).toBe(true);
  });

  it('that the app refuses are refused with its status', async () => {
    rig = await httpRig((_req, res) => res.writeHead(404).end('no such kernel'));
    const got = await raw(rig.session.port, upgradeText(rig));
    expect(statusOf(got)).toBe(404);
    expect(got).toContain('no such kernel');
  });

  it('are refused with 503 when the app is gone', async () => {
    rig = await rawRig((socket) => socket.destroy());
    expect(statusOf(await raw(rig.session.port, upgradeText(rig)))).toBe(503);
  });
});

describe('requests', () => {
  it('share a few connections to the app', async () => {
    let connections = 0;
    rig = await httpRig((_req, res) => res.end('ok'), {
      onServer: (server) => server.on('connection', () => connections++),
    });
    for (let i = 0; i < 20; i++) expect(statusOf(await get())).toBe(200);
    expect(connections).toBe(1);
    expect(rig.session.counters().requests).toBe(20);
  });

  it('are sent again when a kept connection turns out to be closed', async () => {
    rig = await rawRig((socket) => {
      let served = 0;
      socket.on('data', () => {
        if (served++ === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok');
        else socket.destroy();
      });
    });
    expect(statusOf(await get())).toBe(200);
    expect(statusOf(await get())).toBe(200);
  });

  it('are streamed: the first event arrives while the app still works', async () => {
    rig = await httpRig((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      res.write('data: 1\n\n');
    });
    const got = await get('/events');
    expect(got).toContain('data: 1');
  });

  it('of 64 MB cost no memory', async () => {
    let received = 0;
    rig = await httpRig((req, res) => {
      req.on('data', (part: Buffer) => {
        received += part.length;
      });
      req.on('end', () => res.end('ok'));
    });
    const before = process.memoryUsage().rss;
    const part = Buffer.alloc(1 << 20);
    const sending = httpRequest({
      port: rig.session.port,
      method: 'PUT',
      path: '/api/contents/big',
      headers: { Host: rig.host, Cookie: rig.cookie },
    });
    const done = once(sending, 'response');
    let peak = 0;
    for (let i = 0; i < 64; i++) {
      if (!sending.write(part)) await once(sending, 'drain');
      peak = Math.max(peak, process.memoryUsage().rss);
    }
    sending.end();
    const [response] = await done;
    expect(response.statusCode).toBe(200);
    response.resume();
    expect(received).toBe(64 << 20);
    expect(peak - before).toBeLessThan(60 << 20);
  });

  it('whose answer breaks off in the middle do not look whole', async () => {
    rig = await rawRig((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
        setTimeout(() => socket.destroy(), 50);
      });
    });
    const asked = httpRequest({
      port: rig.session.port,
      agent: new Agent(),
      headers: { Host: rig.host, Cookie: rig.cookie },
    }).end();
    const [response] = await once(asked, 'response');
    const fault = await once(response.resume(), 'error');
    expect(String(fault[0])).toContain('aborted');
  });

  it('that the browser gives up are given up at the app', async () => {
    rig = await rawRig(() => {});
    const socket = connect(rig.session.port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nHost: ${rig.host}\r\nCookie: ${rig.cookie}\r\n\r\n`);
    expect(await until(() => rig.seen().length === 1)).toBe(true);
    socket.destroy();
    expect(await until(() => rig.openAtBackend() === 0)).toBe(true);
  });

  it('count as activity, WebSockets too; refused ones do not', async () => {
    let active = 0;
    rig = await httpRig((_req, res) => res.end(), { onActivity: () => active++ });
    await request(rig.session.port, { host: rig.host });
    expect(active).toBe(0);
    await get();
    await raw(rig.session.port, upgradeText(rig));
    expect(active).toBe(2);
  });
});

describe('an app that does not answer', () => {
  it('is a page with 504 after the deadline, and its connection is closed', async () => {
    rig = await rawRig(() => {}, { limits: { responseMs: 200 } });
    const got = await get();
    expect(statusOf(got)).toBe(504);
    expect(got).toContain(`hpcbinder logs ${ID}`);
    expect(await until(() => rig.openAtBackend() === 0)).toBe(true);
  });

  it('is a page with 503 when the agent cannot be reached, or was not the agent', async () => {
    rig = await rawRig(() => {}, {
      change: { connectApp: () => Promise.reject(new Error('certificate of a stranger')) },
    });
    const got = await get();
    expect(statusOf(got)).toBe(503);
    expect(got).toContain('http-equiv="refresh"');
    expect(got).not.toContain('stranger');
    expect(rig.seen()).toEqual([]);
  });

  it('is a page with 503 when the tunnel never opens', async () => {
    rig = await rawRig(() => {}, { change: { connectApp: () => new Promise(() => {}) }, limits: { connectMs: 200 } });
    expect(statusOf(await get())).toBe(503);
  });

  it.each([
    ['starting', 503, 'opens here by itself'],
    ['lost', 503, 'tries again by itself'],
    ['ended', 410, 'hpcbinder launch org/repo'],
  ] as const)('is explained while the session is %s', async (state: RouteState, status, words) => {
    rig = await rawRig(() => {}, { change: { state: () => state } });
    const page = await get();
    expect(statusOf(page)).toBe(status);
    expect(page).toContain(words);
    const script = await get('/api', { Accept: 'application/json' });
    expect(script).toMatch(/^content-type: text\/plain/im);
    expect(statusOf(await raw(rig.session.port, upgradeText(rig)))).toBe(status);
  });
});

describe('our own pages', () => {
  it('escape what comes from others, run nothing and are never framed or kept', async () => {
    const evil = '<img src=x onerror=alert(1)>"\'&\u202e';
    const words = { repo: evil, work: evil, relaunch: evil, ended: evil };
    rig = await rawRig(() => {}, { change: { state: () => 'ended', words: () => words } });
    const got = await get();
    expect(got).not.toContain('<img');
    expect(got).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;\\u202e');
    expect(got).toMatch(
      /^content-security-policy: default-src 'none'; style-src 'sha256-[^']+'.*frame-ancestors 'none'/im,
    );
    expect(got).toMatch(/^x-content-type-options: nosniff/im);
    expect(got).toMatch(/^cache-control: no-store/im);
    expect(got).toMatch(/^referrer-policy: no-referrer/im);
  });
});

describe('the place', () => {
  it('is loopback only', async () => {
    rig = await rawRig(() => {});
    const outer = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter((address) => !address.internal && address.family === 'IPv4')
      .map((address) => address.address);
    for (const address of ['127.0.0.2', ...outer]) {
      const fault = await new Promise((resolve) => {
        connect(rig.session.port, address)
          .once('connect', () => resolve('open'))
          .once('error', () => resolve('refused'));
      });
      expect(fault).toBe('refused');
    }
  });
});
