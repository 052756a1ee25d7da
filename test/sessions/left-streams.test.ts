/** Streams whose browser has left: an agent that does not part with them keeps nothing of this process. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { makeCertificates } from '../../sessions/certificates.ts';
import type { ClientSecrets } from '../../sessions/control.ts';
import { FrameReader, frameOf } from '../../sessions/stream-core.ts';
import { openStream } from '../../sessions/streams.ts';
import { until } from '../server/rig.ts';

const ID = 'hb-abcdefghij';
const QUICK = { tickMs: 50, quietMs: 5_000, answerMs: 200, pauseMs: 20, awayMs: 2_000, settleMs: 20 };
const KNOWS = frameOf('o', Buffer.from('{"received":0}'));

let server: Server;
let secrets: ClientSecrets;
/** what the agent does with each connection; it never closes one */
let speak: (socket: TLSSocket) => void;
/** the kinds of the frames that each connection brought */
let heard: string[];
const ours = new Set<Socket>();

beforeEach(async () => {
  const made = await makeCertificates(ID, 3600);
  secrets = { ca: made.ca, clientCert: made.client.cert, clientKey: made.client.key };
  heard = [];
  const keys = { ca: made.ca, cert: made.server.cert, key: made.server.key };
  const how = {
    ...keys,
    requestCert: true,
    rejectUnauthorized: true,
    allowHalfOpen: true,
    ALPNProtocols: ['hb-stream/1'],
  };
  server = createServer(how, (socket) => {
    const nth = heard.push('') - 1;
    const reader = new FrameReader();
    socket.on('error', () => {});
    socket.on('data', (part: Buffer) => {
      reader.feed(part);
      for (let frame = reader.next(); frame; frame = reader.next()) heard[nth] += frame.kind;
    });
    speak(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(() => {
  for (const socket of ours) socket.destroy();
  server.close();
});

async function open(): Promise<Duplex> {
  const { port } = server.address() as { port: number };
  const dial = async () => {
    const socket = connect(port, '127.0.0.1');
    ours.add(socket);
    socket.on('close', () => ours.delete(socket));
    await once(socket, 'connect');
    return socket;
  };
  return openStream(dial, ID, secrets, QUICK);
}

it('are given up where the agent says nothing, not even on the next connection', async () => {
  speak = () => {};
  const left = await Promise.all(Array.from({ length: 5 }, open));
  for (const stream of left) stream.destroy();
  expect(await until(() => heard.length === 10)).toBe(true);
  expect(await until(() => ours.size === 0)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect([heard.length, ours.size]).toEqual([10, 0]);
});

it('are given up where the agent knows them on each connection and never closes one', async () => {
  speak = (socket) => void socket.write(KNOWS);
  const stream = await open();
  expect(await until(() => heard[0] === 'o')).toBe(true);
  stream.destroy();
  expect(await until(() => ours.size === 0 && heard.length === 2)).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect([heard, ours.size]).toEqual([['ox', 'ox'], 0]);
});

it('say farewell once on a connection, however often the agent greets', async () => {
  speak = (socket) => void socket.write(Buffer.concat(Array(2_000).fill(KNOWS)));
  const stream = await open();
  stream.destroy();
  expect(await until(() => ours.size === 0 && heard.length === 2)).toBe(true);
  expect(heard).toEqual(['ox', 'ox']);
});

it('let go at once of what their reader has not taken', async () => {
  const piece = frameOf('d', Buffer.alloc(200 << 10));
  speak = (socket) => void socket.write(Buffer.concat([KNOWS, ...Array(10).fill(piece)]));
  const stream = await open();
  expect(await until(() => stream.readableLength === 10 * (200 << 10))).toBe(true);
  let read = 0;
  stream.on('data', () => read++).pause();
  stream.destroy();
  await once(stream, 'close');
  expect([stream.readableLength, read]).toEqual([0, 0]);
});
