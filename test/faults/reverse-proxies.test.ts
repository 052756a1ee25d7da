/**
 * deploy/nginx.conf and deploy/apache.conf in the real nginx and Apache, with a wildcard certificate of a CA of the test, in front
 * of the real session proxy and an app behind it. Between the two a relay writes down what the reverse proxy sends.
 */

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import WebSocket, { WebSocketServer } from 'ws';
import { notRun } from '../not-run.ts';
import { httpRig, ID, type Rig } from '../server/rig.ts';
import { ROOT } from '../sources.ts';

const MODULES = '/usr/lib/apache2/modules';
const KINDS = [
  { name: 'nginx', program: '/usr/sbin/nginx' },
  { name: 'apache', program: '/usr/sbin/apache2' },
].filter(({ name, program }) => {
  const there = spawnSync(program, ['-v']).status === 0;
  if (!there) notRun(`${name} in front of the endpoint: ${program} is not installed`);
  return there;
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hb-front-'));
  chmodSync(folder, 0o755);
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' });
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=a CA',
    '-days',
    '2',
  );
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key.pem', '-out', 'csr.pem', '-subj', '/CN=localhost');
  writeFileSync(join(folder, 'ext'), 'subjectAltName=DNS:binder.localhost,DNS:*.binder.localhost\n');
  openssl(
    ...'x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out chain.pem -days 2 -extfile ext'.split(' '),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The snippet as it is in deploy/, with the names and ports of here. */
function snippet(name: string, port: number, upstream: number): string {
  return readFileSync(join(ROOT, 'deploy', `${name}.conf`), 'utf8')
    .replaceAll('binder.hpc.example.edu', 'binder.localhost')
    .replaceAll('/etc/ssl/hpcbinder', folder)
    .replaceAll('127.0.0.1:8443', `127.0.0.1:${upstream}`)
    .replace('listen 443', `listen 127.0.0.1:${port}`)
    .replace('*:443', `127.0.0.1:${port}`);
}

function started(name: string, program: string, port: number, upstream: number): ChildProcess {
  const site = join(folder, `${name}-site.conf`);
  const main = join(folder, `${name}.conf`);
  writeFileSync(site, snippet(name, port, upstream));
  const modules = ['mpm_event', 'authz_core', 'ssl', 'socache_shmcb', 'proxy', 'proxy_http', 'headers'];
  const apache = [
    ...modules.map((module) => `LoadModule ${module}_module ${MODULES}/mod_${module}.so`),
    `ServerName localhost\nServerRoot ${folder}\nPidFile ${folder}/apache.pid\nErrorLog ${folder}/apache.log`,
    `DefaultRuntimeDir ${folder}\nMutex file:${folder}\nUser www-data\nGroup www-data\nListen 127.0.0.1:${port}`,
    `Include ${site}\n`,
  ];
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const nginx = [
    `pid ${folder}/nginx.pid;\nerror_log ${folder}/nginx.log;\nevents {}\nhttp {\naccess_log off;`,
    ...temporary.map((each) => `${each}_temp_path ${folder}/${each};`),
    `include ${site};\n}\n`,
  ];
  writeFileSync(main, (name === 'nginx' ? nginx : apache).join('\n'));
  const words = name === 'nginx' ? ['-c', main, '-p', folder, '-g', 'daemon off;'] : ['-f', main, '-DFOREGROUND'];
  return spawn(program, words, { stdio: 'ignore' });
}

describe.each(KINDS)('behind $name', ({ name, program }) => {
  let rig: Rig;
  let relay: Server;
  let front: ChildProcess;
  let port: number;
  let heads: string[];
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
    front = started(name, program, port, (relay.address() as AddressInfo).port);
    for (let left = 50; left > 0 && !(await answers(port)); left--) await sleep(100);
  }, 60_000);

  afterAll(async () => {
    const ended = front && once(front, 'exit');
    front?.kill('SIGTERM');
    await ended;
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
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
