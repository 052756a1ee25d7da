/** A gigabyte through the whole endpoint, as an upload and as one WebSocket frame: it passes, and is never held (SECURITY WEB-17, WEB-19). No cluster is needed. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type EndpointRig, endpointRig } from '../../server/endpoint/agent.ts';
import { upgradeText } from '../../server/rig.ts';

const GIB = 1 << 30;
const PART = Buffer.alloc(1 << 20, 0x61);
const MOST_MIB = 64;

let rig: EndpointRig;
/** bytes that the app has read */
let arrived = 0;

beforeAll(async () => {
  const app = createServer((req, res) => {
    req.on('data', (part: Buffer) => {
      arrived += part.length;
    });
    req.on('end', () => res.end('read'));
  });
  app.on('upgrade', (_req, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.on('data', (part: Buffer) => {
      arrived += part.length;
    });
  });
  rig = await endpointRig(app);
}, 60_000);
afterAll(() => rig.close());

/** MiB that this process, endpoint, app and client in one, has more at most while `work` goes on. */
async function growth(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 50);
  await work();
  clearInterval(timer);
  return Math.round((most - before) / (1 << 20));
}

async function sent(head: string): Promise<void> {
  const socket = connect(rig.session.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(head);
  const [first] = await Promise.race([
    once(socket, 'data'),
    new Promise<[undefined]>((done) => setTimeout(done, 500, [undefined])),
  ]);
  if (head.startsWith('GET')) {
    expect(String(first)).toContain('101 Switching');
    // a last frame of text, masked, that claims a gigabyte
    socket.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]));
  }
  for (let left = GIB; left > 0; left -= PART.length) if (!socket.write(PART)) await once(socket, 'drain');
  const deadline = Date.now() + 120_000;
  while (arrived < GIB && Date.now() < deadline) await new Promise((done) => setTimeout(done, 20));
  socket.destroy();
}

it('an upload of 1 GiB passes', async () => {
  arrived = 0;
  const grown = await growth(() =>
    sent(
      `PUT /api/contents/a HTTP/1.1\r\nHost: ${rig.host}\r\nCookie: ${rig.cookie}\r\nOrigin: ${rig.origin}\r\nContent-Length: ${GIB}\r\n\r\n`,
    ),
  );
  expect(arrived).toBe(GIB);
  expect(grown).toBeLessThan(MOST_MIB);
}, 180_000);

it('a WebSocket frame of 1 GiB passes', async () => {
  arrived = 0;
  const grown = await growth(() => sent(upgradeText(rig)));
  expect(arrived).toBeGreaterThanOrEqual(GIB);
  expect(grown).toBeLessThan(MOST_MIB);
}, 180_000);

it('a hundred thousand pings pass as bytes', async () => {
  arrived = 0;
  const grown = await growth(async () => {
    const socket = connect(rig.session.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(upgradeText(rig));
    await once(socket, 'data');
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from([0x89, 0x80, 1, 2, 3, 4])));
    for (let i = 0; i < 100; i++) if (!socket.write(pings)) await once(socket, 'drain');
    const deadline = Date.now() + 30_000;
    while (arrived < 600_000 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 20));
    socket.destroy();
  });
  expect(arrived).toBe(600_000);
  expect(grown).toBeLessThan(MOST_MIB);
}, 60_000);
