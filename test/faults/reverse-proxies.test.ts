/**
 * deploy/nginx.conf and deploy/apache.conf in the real nginx and Apache, with a wildcard certificate of a CA of the test, in front
 * of the real session proxy and an app behind it. Between the two a relay writes down what the reverse proxy sends.
 */

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import WebSocket, { WebSocketServer } from 'ws';
import { httpRig, ID, type Rig } from '../server/rig.ts';
import { freePort, portOf } from './relays.ts';
import { certificates, forget, KINDS, reverseProxy } from './reverse-proxy.ts';

let folder: string;
beforeAll(() => {
  folder = certificates();
});
afterAll(() => forget(folder));

describe.each(KINDS)('behind $name', ({ name, program }) => {
  let rig: Rig;
  let relay: Server;
  let front: Awaited<ReturnType<typeof reverseProxy>>;
  let port: number;
  let heads: string[];
  const nears = new Set<Socket>();
  let release: () => void;

  beforeAll(async () => {
    rig = await httpRig(
      (req, res) => {
        if (req.url === '/events') {
          res.writeHead(200, { 'Content-Type': 'text/event-stream' });
          res.write('data: one\n\n');
          release = () => res.end('data: two\n\n');
        } else if (req.method === 'PUT') {
          const hash = createHash('sha256');
          req.on('data', (part: Buffer) => hash.update(part)).on('end', () => res.end(hash.digest('hex')));
        } else res.end(`the app got ${req.url}`);
      },
      {
        onServer: (server) => {
          const sockets = new WebSocketServer({ server: server as never });
          sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
        },
      },
    );
    heads = [];
    relay = createServer((near) => {
      const far = connect(rig.session.port, '127.0.0.1');
      nears.add(near);
      // connections are used again, so the request is looked for in each piece
      near.on('data', (piece: Buffer) => {
        if (/^(?:GET|PUT) \//.test(piece.toString('latin1', 0, 8)))
          heads.push(piece.toString('latin1').split('\r\n\r\n', 1)[0] ?? '');
      });
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy());
      far.on('error', () => near.destroy());
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    port = await freePort();
    front = await reverseProxy({ name, program }, folder, port, portOf(relay));
  }, 60_000);

  afterAll(async () => {
    await front?.close();
    relay?.close();
    await rig?.close();
  });

  const options = () => ({
    host: '127.0.0.1',
    port,
    ca: readFileSync(join(folder, 'ca.pem')),
    // clients refuse *.localhost, so TLS has one name more
    servername: `${ID}.binder.localhost`,
    headers: { Host: rig.host, Origin: rig.origin, Cookie: rig.cookie },
  });
  async function ask(
    path: string,
    more: { method?: string; headers?: Record<string, string> } = {},
    body?: Iterable<Buffer>,
  ) {
    const base = options();
    const req = request({ ...base, path, ...more, headers: { ...base.headers, ...more.headers }, agent: false });
    const answered = once(req, 'response') as Promise<[IncomingMessage]>;
    for (const part of body ?? []) if (!req.write(part)) await once(req, 'drain');
    req.end();
    const [res] = await answered;
    return res;
  }
  const text = async (res: IncomingMessage) => Buffer.concat(await res.toArray()).toString();

  it("shows a session's page below the wildcard name, with an encoded slash as it was", async () => {
    const res = await ask('/files/a%2Fb%20c?x=1');
    expect([res.statusCode, await text(res)]).toEqual([200, 'the app got /files/a%2Fb%20c?x=1']);
  });

  it('lets nobody in without the cookie', async () => {
    expect((await ask('/', { headers: { Cookie: '' } })).statusCode).toBe(403);
  });

  it('carries a WebSocket', async () => {
    const { host: _, ...rest } = options();
    const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, rest);
    await once(socket, 'open');
    const sent = randomBytes(100_000);
    socket.send(sent);
    const [got] = await once(socket, 'message');
    expect(sent.equals(got as Buffer)).toBe(true);
    socket.close();
    await once(socket, 'close');
  });

  it('hands over an event before the next one is written', async () => {
    const res = await ask('/events');
    const [first] = await once(res, 'data');
    expect(String(first)).toBe('data: one\n\n');
    release();
    expect(await text(res)).toContain('data: two');
  });

  it('takes an upload of 100 MB', async () => {
    const part = randomBytes(1 << 20);
    const hash = createHash('sha256');
    for (let i = 0; i < 100; i++) hash.update(part);
    const headers = { 'Content-Length': String(100 * part.length) };
    const res = await ask('/upload', { method: 'PUT', headers }, Array<Buffer>(100).fill(part));
    expect([res.statusCode, await text(res)]).toEqual([200, hash.digest('hex')]);
  }, 60_000);

  it('says itself where a browser comes from, and never who it is', async () => {
    heads.length = 0;
    const headers = {
      'X-Forwarded-For': '10.9.8.7',
      'X-Remote-User': 'alice',
      'X-Proxy-Secret': 'guess',
      Connection: 'close',
    };
    await text(await ask('/who', { headers }));
    const head = heads.at(-1) ?? '';
    expect(head).toMatch(/^GET \/who /);
    expect(head).toMatch(/^x-forwarded-for: 127\.0\.0\.1$/im);
    expect(head).toMatch(new RegExp(`^host: ${rig.host.replaceAll('.', '\\.')}$`, 'im'));
    expect(head).not.toMatch(/10\.9\.8\.7|alice|guess/);
  });

  it('answers 503 while the endpoint is restarted, for which JupyterLab waits, and goes on at once', async () => {
    const at = portOf(relay);
    relay.close();
    for (const near of nears) near.destroy();
    expect((await ask('/api/kernels')).statusCode).toBe(503);
    relay.listen(at, '127.0.0.1');
    await once(relay, 'listening');
    expect((await ask('/api/kernels')).statusCode).toBe(200);
  });
});
