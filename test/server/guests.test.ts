/** Connections of one address at the endpoint's front, in the clear, behind a proxy and behind our own TLS (SECURITY WEB-16). */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createFront } from '../../server/front.ts';
import { Guests, type GuestsOptions } from '../../server/guests.ts';
import { LIMITS } from '../../server/limits.ts';
import { raw, statusOf, until, upgradeText } from './rig.ts';

const closers: (() => void)[] = [];
const told: string[] = [];
const directory = mkdtempSync(join(tmpdir(), 'hb-guests-'));
/** connections that the server has */
let open = () => 0;
let keys: { cert: Buffer; key: Buffer };

beforeAll(() => {
  const [cert, key] = [join(directory, 'cert'), join(directory, 'key')];
  const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost'.split(
    ' ',
  );
  execFileSync('openssl', [...words, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  keys = { cert: readFileSync(cert), key: readFileSync(key) };
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => {
  for (const close of closers.splice(0)) close();
  told.length = 0;
});

async function front(options: Partial<GuestsOptions>, tls = false): Promise<number> {
  const guests = new Guests({
    most: () => 5,
    trusted: [],
    loopbackCounts: true,
    onRefused: (address) => told.push(address),
    ...options,
  });
  const made = createFront(() => undefined, { ...LIMITS, headersMs: 400, checkMs: 100 }, undefined, {
    guests,
    owns: () => true,
    request(req, res) {
      if (req.url === '/stream') res.writeHead(200).write('begins\n');
      else res.writeHead(200).end('there');
    },
  });
  const server = tls ? made.secureServer(keys) : made.server();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  open = () => sockets.size;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers.push(() => {
    made.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}Connection: close\r\n\r\n`;

/** `count` connections that stay, and say `text`. */
async function held(port: number, count: number, text: string, from = '127.0.0.1'): Promise<Socket[]> {
  const all = Array.from({ length: count }, () => connect({ port, host: '127.0.0.1', localAddress: from }));
  for (const socket of all) {
    closers.push(() => socket.destroy());
    socket.resume().on('error', () => {});
  }
  await Promise.all(all.map((socket) => once(socket, 'connect')));
  for (const socket of all) socket.write(text);
  return all;
}

/** Answers of one connection from another address of this machine. */
async function asked(port: number, from: string): Promise<string> {
  const [socket] = (await held(port, 1, '', from)) as [Socket];
  let text = '';
  socket.on('data', (part) => {
    text += part;
  });
  socket.write(get('/'));
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

describe('an address that holds as many connections as it may', () => {
  it('has each further one closed, and another address is answered', async () => {
    const port = await front({});
    const all = await held(port, 20, get('/stream'));
    expect(await until(() => all.filter(({ closed }) => closed).length === 15)).toBe(true);
    expect(await asked(port, '127.0.0.2')).toContain('there');
    expect(told).toEqual(['127.0.0.1']);
  });

  it('has room again once they have ended', async () => {
    const port = await front({});
    const all = await held(port, 5, get('/stream'));
    expect(await asked(port, '127.0.0.1')).toBe('');
    for (const socket of all) socket.destroy();
    await until(() => all.every(({ closed }) => closed));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await asked(port, '127.0.0.1')).toContain('there');
  });

  it('is counted as its proxy names it: requests that go on and WebSockets, and whatever it says itself', async () => {
    const port = await front({ trusted: ['127.0.0.1'] });
    const by = (address: string) => `X-Forwarded-For: ${address}\r\n`;
    const all = await held(port, 20, get('/stream', by('1.2.3.4, 6.6.6.6')));
    expect(await until(() => all.filter(({ closed }) => closed).length === 15)).toBe(true);
    for (const said of ['6.6.6.6', '7.7.7.7, 6.6.6.6', '6.6.6.6, 127.0.0.1']) {
      const answer = await raw(port, get('/', by(said)));
      expect([said, statusOf(answer)]).toEqual([said, 429]);
      expect(answer).toMatch(/retry-after: 20/i);
    }
    expect(statusOf(await raw(port, get('/', by('6.6.6.6, 8.8.8.8'))))).toBe(200);
    const upgrade = { host: 'x', origin: 'http://x', cookie: '' };
    expect(statusOf(await raw(port, upgradeText(upgrade, { 'X-Forwarded-For': '6.6.6.6' })))).toBe(429);
  });

  it('of v6 is the whole of its network', () => {
    const guests = new Guests({ most: () => 1, trusted: 'unix', loopbackCounts: true });
    const asks = (address: string) => {
      const req = { socket: {}, headers: { 'x-forwarded-for': address } } as unknown as IncomingMessage;
      return guests.request(req, { once: () => {} });
    };
    expect(asks('2001:db8:1:2::1')).toBe(true);
    for (const same of ['2001:DB8:1:2:ffff::9', '2001:0db8:0001:0002:1:2:3:4', '2001:db8:1:2::'])
      expect([same, asks(same)]).toEqual([same, false]);
    for (const other of ['2001:db8:1:3::1', '2001:db8::1', '::1', '1.2.3.4'])
      expect([other, asks(other)]).toEqual([other, true]);
    expect(asks('::ffff:1.2.3.4')).toBe(false);
  });
});

describe('a connection that was refused', () => {
  it('is over for us, though its other end neither reads nor closes', async () => {
    const port = await front({});
    const drip = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    closers.push(() => drip.destroy());
    drip.on('error', () => {});
    drip.write('GET / HTTP/1.1\r\nHost:');
    await once(drip, 'connect');
    await until(() => open() === 1);
    expect(await until(() => open() === 0, 4_000)).toBe(true);
  });
});

describe('a connection behind our own TLS', () => {
  it('that drips its headers, or never begins the handshake, is cut like one in the clear', async () => {
    const port = await front({ most: () => 50 }, true);
    const dripping = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    const silent = connect(port, '127.0.0.1');
    for (const socket of [dripping, silent]) {
      closers.push(() => socket.destroy());
      socket.resume().on('error', () => {});
    }
    await once(dripping, 'secureConnect');
    const timer = setInterval(() => dripping.write('a'), 50);
    closers.push(() => clearInterval(timer));
    dripping.write('GET / HTTP/1.1\r\nHost:');
    expect(await until(() => dripping.closed && silent.closed, 5_000)).toBe(true);
  });

  it('is counted before its handshake', async () => {
    const port = await front({}, true);
    const all = await held(port, 20, '');
    expect(await until(() => all.filter(({ closed }) => closed).length >= 15, 300)).toBe(true);
    expect(told).toEqual(['127.0.0.1']);
  });
});
