/** Numbered streams between the real client and the real agent, over lines that break. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Duplex, PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { agentSource } from '../../sessions/agent.ts';
import { controlRequest } from '../../sessions/control.ts';
import { MOST_FRAME } from '../../sessions/stream-core.ts';
import type { Patience } from '../../sessions/stream-patience.ts';
import { openStream } from '../../sessions/streams.ts';
import { eventually, type Rig, SESSION, startSession } from './agent-rig.ts';
import { type Choppy, choppy } from './choppy.ts';
import { pythons } from './pythons.ts';

const QUICK: Partial<Patience> = { tickMs: 50, quietMs: 200, answerMs: 300, pauseMs: 50, settleMs: 20 };
const ENDLESS = Number.POSITIVE_INFINITY;

const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;

/** Past the app's answer; what follows it is in the stream. */
async function upgraded(stream: Duplex, path: string): Promise<Duplex> {
  stream.write(head(path));
  let text = '';
  while (!text.includes('\r\n\r\n')) {
    const chunk: Buffer | null = stream.read(1);
    if (chunk) text += chunk.toString('latin1');
    else await new Promise((resolve) => stream.once('readable', resolve));
  }
  expect(text).toMatch(/^HTTP\/1\.1 101 /);
  return stream;
}

/** All that comes until the app ends. */
async function all(stream: Duplex): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

describe.each(pythons())('a stream through an agent under %s', (python) => {
  let rig: Rig;
  let line: Choppy | undefined;
  beforeAll(async () => {
    rig = await startSession({ python });
  });
  afterAll(() => rig.stop());
  afterEach(async () => {
    await line?.close();
    line = undefined;
  });
  const open = (patience: Partial<Patience> = QUICK, connect: () => Promise<Duplex> = rig.connect) =>
    openStream(connect, SESSION, rig.secrets, patience);
  const through = async (allowance: () => number) => {
    line = await choppy(rig.address.port, allowance);
    return line;
  };

  it('counts without a gap over a line that is reset again and again, at any byte', async () => {
    // The first makes the stream and cannot carry all of it; three die in their handshakes. Of the others some are long
    // enough for a handshake, 6 kB where keys are exchanged in the post-quantum way, and a whole record after it.
    const allowances = [10_000, 1_500, 3_000, 4_000].values();
    const relay = await through(() => allowances.next().value ?? 1000 + Math.floor(Math.random() * 20_000));
    const stream = await upgraded(await open(QUICK, relay.connect), '/ws/count/2000');
    let text = '';
    for await (const part of stream) {
      text += part;
      if (text.endsWith('\n1999\n')) break;
    }
    expect(text).toBe(Array.from({ length: 2000 }, (_, n) => `${n}\n`).join(''));
    expect(relay.made()).toBeGreaterThan(4);
  }, 60_000);

  it('carries both ways at once over such a line', async () => {
    const relay = await through(() => 60_000 + Math.floor(Math.random() * 200_000));
    const stream = await upgraded(await open(QUICK, relay.connect), '/ws/echo');
    const sent = Buffer.alloc(1 << 20);
    for (let at = 0; at < sent.length; at += 4) sent.writeUInt32BE(at, at);
    const back: Buffer[] = [];
    let size = 0;
    const whole = new Promise<void>((resolve) => {
      stream.on('data', (part: Buffer) => {
        back.push(part);
        size += part.length;
        if (size >= sent.length) resolve();
      });
    });
    for (let at = 0; at < sent.length; at += 50_000) {
      if (!stream.write(sent.subarray(at, at + 50_000))) await new Promise((resolve) => stream.once('drain', resolve));
    }
    await whole;
    expect(Buffer.concat(back).equals(sent)).toBe(true);
    expect(relay.made()).toBeGreaterThan(3);
    stream.destroy();
  }, 60_000);

  it('notices a line that went silent, and goes on over another', async () => {
    const relay = await through(() => ENDLESS);
    const stream = await upgraded(await open(QUICK, relay.connect), '/ws/echo');
    const before = relay.made();
    const from = performance.now();
    relay.freeze();
    stream.write('said into the silence');
    const [answer] = (await new Promise((resolve) => stream.once('data', (data) => resolve([data])))) as [Buffer];
    expect(answer.toString()).toBe('said into the silence');
    // On a machine busy with other tests the second line may be late to answer too: one more for each such wait.
    const more = relay.made() - before;
    expect(more).toBeGreaterThanOrEqual(1);
    expect(more).toBeLessThanOrEqual(Math.ceil((performance.now() - from) / (QUICK.answerMs ?? 0)));
    stream.destroy();
  });

  it('carries 32 MB at a sensible speed', async () => {
    const stream = await upgraded(await open(), '/ws/flood/33554432');
    const hash = createHash('sha256');
    const expected = createHash('sha256');
    for (let n = 0; n < 32; n++) expected.update(Buffer.alloc(1 << 20, n % 251));
    const began = Date.now();
    let size = 0;
    for await (const part of stream) {
      hash.update(part as Buffer);
      size += (part as Buffer).length;
      if (size === 32 << 20) break;
    }
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
    // measured: 100 MB/s and more on two cores
    expect(Date.now() - began).toBeLessThan(6_400);
  }, 30_000);

  it('reads no more from the app than fits, where nobody takes it; and all is there afterwards', async () => {
    const relay = await through(() => ENDLESS);
    const stream = await upgraded(await open(QUICK, relay.connect), '/ws/flood/41943040');
    const resident = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${agentPid(rig)}/status`, 'utf8'))?.[1]);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const before = resident();
    expect(before).toBeLessThan(120_000);
    // and a piece: who has room for a byte sends one. Taken for a fault, that was a new connection for each reader that paused
    expect(stream.readableLength).toBeLessThanOrEqual((8 << 20) + MOST_FRAME);
    expect(relay.made()).toBe(1);
    const sink = new PassThrough();
    let size = 0;
    sink.on('data', (part: Buffer) => {
      size += part.length;
      if (size >= 40 << 20) stream.destroy();
    });
    await pipeline(stream, sink).catch(() => undefined);
    expect(size).toBe(40 << 20);
  }, 30_000);

  it('ends at the app when its client ends it, also where the line is down just then', async () => {
    const ended = (path: string) => rig.file('ws-ended').split('\n').includes(path);
    const here = await upgraded(await open(), '/ws/echo/here');
    expect(ended('/ws/echo/here')).toBe(false);
    here.destroy();
    await eventually(() => ended('/ws/echo/here'));
    const relay = await through(() => ENDLESS);
    const away = await upgraded(await open(QUICK, relay.connect), '/ws/echo/away');
    relay.freeze();
    await new Promise((resolve) => setTimeout(resolve, 100));
    away.destroy();
    await eventually(() => ended('/ws/echo/away'), 15_000);
  }, 40_000);

  it('tells the client when the app ends', async () => {
    const stream = await open();
    stream.end('GET /api/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect((await all(stream)).toString()).toMatch(/^HTTP\/1\.1 403 /);
  });

  it('is refused beyond the most that a session carries, with a sentence, and the door stays open for the rest', async () => {
    await rig.stop();
    // 256 of them; the limit is the same at any number, and each costs a handshake
    expect(agentSource()).toMatch(/^MOST_STREAMS = 256$/m);
    rig = await startSession({ python, constants: { MOST_STREAMS: 32 } });
    const streams: Duplex[] = [];
    while (streams.length < 32) {
      const some = Array.from({ length: 16 }, async () => upgraded(await open(), '/ws/echo'));
      streams.push(...(await Promise.all(some)));
    }
    const more = await open();
    const refused = await new Promise<Error>((resolve) => more.once('error', resolve));
    expect(refused).toMatchObject({ code: 'E-AGENT', transient: false });
    expect(refused.message).toContain('32 WebSockets');
    expect(await controlRequest(rig.connect, SESSION, rig.secrets, { verb: 'status' })).toMatchObject({ ready: true });
    streams[0]?.destroy();
    await new Promise((resolve) => setTimeout(resolve, 300));
    streams.push(await upgraded(await open(), '/ws/echo'));
    for (const stream of streams) stream.destroy();
  }, 30_000);
});

function agentPid(rig: Rig): string {
  const children = readFileSync(`/proc/${rig.process.pid}/task/${rig.process.pid}/children`, 'utf8');
  return children.trim().split(' ')[0] ?? '';
}
