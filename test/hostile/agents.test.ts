/** An agent is a program of its user's, and says what it likes: that ends its own connection, never the process of all users. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Ending } from '../../cli/ending.ts';
import { askAgent } from '../../cli/world.ts';
import type { Cluster } from '../../core/cluster.ts';
import { advance } from '../../sessions/advance.ts';
import { makeCertificates } from '../../sessions/certificates.ts';
import { followNotices } from '../../sessions/notices.ts';
import type { SessionRecord } from '../../sessions/records.ts';
import { frameOf } from '../../sessions/stream-core.ts';
import { openStream } from '../../sessions/streams.ts';
import { kept } from '../server/state/rig.ts';

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server = undefined;
});

/** A real connection by mutual TLS to an agent that does what `speak` says. */
async function agent(speak: (socket: TLSSocket, nth: number) => void) {
  const record: SessionRecord = { ...kept(), phase: 'ready' };
  const made = await makeCertificates(record.id, 3600);
  let nth = 0;
  const own = createServer(
    {
      ca: made.ca,
      cert: made.server.cert,
      key: made.server.key,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['hb-stream/1', 'hb/1'],
    },
    (socket) => {
      nth += 1;
      speak(
        socket.on('error', () => {}),
        nth,
      );
    },
  );
  server = own;
  await once(own.listen(0, '127.0.0.1'), 'listening');
  const { port } = own.address() as { port: number };
  const dial = async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  record.address = { host: '127.0.0.1', port };
  record.secrets = { ...record.secrets, ca: made.ca, clientCert: made.client.cert, clientKey: made.client.key };
  return { record, dial, cluster: { transport: { connect: dial }, scheduler: {} } as unknown as Cluster };
}

const NO_WORDS = ['{"toString":0}', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'null', '1e400', '"\\u0000"'];
/** as JSON; what a Date cannot hold, and what is no number */
const NO_TIMES = ['1e15', '1e300', '-1', 'true', '[1]', '"soon"', '{"valueOf":0,"toString":0}', '9007199254740991'];

describe('a WebSocket’s stream of an agent', () => {
  it.each(NO_WORDS)('ends, where that refuses it for %.20s', async (words) => {
    const { record, dial } = await agent((socket) => socket.write(frameOf('x', Buffer.from(`{"error":${words}}`))));
    const stream = await openStream(dial, record.id, record.secrets);
    const [error] = (await once(stream, 'error').catch((cause: unknown) => [cause])) as [Error];
    expect(error.message).toContain('refused a WebSocket: ');
    expect(error.message.length).toBeLessThan(500);
  });

  it.each(NO_WORDS)('is left for another connection, where it has got %.20s of ours', async (words) => {
    let connections = 0;
    const { record, dial } = await agent((socket, nth) => {
      connections = nth;
      if (nth === 1) setTimeout(() => socket.destroy(), 20);
      else socket.write(frameOf('o', Buffer.from(`{"received":${words}}`)));
    });
    const stream = await openStream(dial, record.id, record.secrets, { pauseMs: 20, settleMs: 20 });
    while (connections < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    stream.destroy();
  });

  it('is made again and again ever more slowly, where each connection is cut as soon as it is made', async () => {
    const at: number[] = [];
    const { record, dial } = await agent((socket) => {
      at.push(performance.now());
      socket.write(frameOf('o', Buffer.from('{"received":0}')));
      setTimeout(() => socket.destroy(), 5);
    });
    const stream = await openStream(dial, record.id, record.secrets, { pauseMs: 400 });
    while (at.length < 5) await new Promise((resolve) => setTimeout(resolve, 20));
    stream.destroy();
    const pauses = at.slice(1).map((moment, nth) => moment - (at[nth] ?? 0));
    for (const [nth, least] of [100, 200, 400, 400].entries()) expect(pauses[nth]).toBeGreaterThanOrEqual(least - 5);
  });
});

describe('the times of an agent', () => {
  it.each(NO_TIMES)('are none where they are %s: the session can still be shown, ended and told of', async (time) => {
    const status = `{"ready":true,"now":${time},"endsAt":${time},"idleSince":${time},"busyKernels":${time},"figures":{}}`;
    const { record, cluster } = await agent((socket) => socket.once('data', () => socket.write(`${status}\n`)));
    const seen = await askAgent(cluster, record);
    if (seen === 'unreachable') throw new Error('it was reached');
    const now = new Date();
    const known = advance(record, { agent: seen }, now);
    expect(Math.abs(known.localAhead ?? 0)).toBeLessThan(1e11);
    expect(new Date(((known.endsAt ?? 0) + (known.localAhead ?? 0)) * 1000).toISOString()).toMatch(/^[0-9+]/);
    const ended = advance(known, { job: { state: 'ended', end: 'completed', endsAt: 1e9 } as never }, now);
    expect(ended.phase).toBe('ended');
  });

  it.each(NO_TIMES)('are no notice where they are %s', async (time) => {
    const lines = [`{"kind":"moved","endsAt":${time}}`, `{"kind":"warning","endsAt":${time},"id":1,"seconds":${time}}`];
    const { record, dial } = await agent((socket) =>
      socket.once('data', () => {
        socket.write('{}\n');
        for (const line of [...lines, '{"kind":"moved","endsAt":7}']) socket.write(frameOf('d', Buffer.from(line)));
      }),
    );
    const over = new AbortController();
    const moved: number[] = [];
    const on = {
      moved: (at: number) => {
        moved.push(at);
        over.abort();
      },
      save: () => Promise.reject(new Error('it was a notice')),
    };
    await followNotices(dial, record.id, record.secrets, on, over.signal);
    expect(moved).toEqual([7]);
  });
});

describe('the notices of an agent', () => {
  it('that come without end are so many on a connection, and no more are kept', async () => {
    const line = frameOf('d', Buffer.from('{"kind":"moved","endsAt":1800000000}'));
    const { record, cluster } = await agent((socket) =>
      socket.once('data', () => {
        socket.write('{}\n');
        for (let n = 0; n < 5000; n++) socket.write(line);
      }),
    );
    let said = 0;
    const say = () => {
      said += 1;
    };
    const how = { say, note: () => {}, later: 'later' };
    const pages = { save: async () => ({ pages: 0, files: 0, failed: [] }), tell: () => {} };
    const over = new AbortController();
    const listening = new Ending(cluster, record, pages, how).listen(over.signal);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    over.abort();
    await listening;
    expect(said).toBeGreaterThan(0);
    expect(said).toBeLessThanOrEqual(400);
  });

  it('to which nothing can be answered end nothing', async () => {
    const { record, dial } = await agent((socket) =>
      socket.once('data', () => {
        socket.write('{}\n');
        socket.write(frameOf('d', Buffer.from('{"kind":"warning","endsAt":1800000000,"id":1,"seconds":1}')));
        setTimeout(() => socket.end(), 50);
      }),
    );
    let asked = 0;
    const save = () => {
      asked += 1;
      return Promise.reject(new Error('the page broke'));
    };
    await followNotices(dial, record.id, record.secrets, { moved() {}, save }, new AbortController().signal);
    expect(asked).toBe(1);
  });
});
