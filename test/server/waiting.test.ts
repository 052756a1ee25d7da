import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, jest } from '@jest/globals';
import { Genuine } from '../../server/genuine.ts';
import { LIMITS } from '../../server/limits.ts';
import { Slots } from '../../server/slots.ts';
import { type Waiting, WaitingRoom } from '../../server/waiting.ts';
import { httpRig, request, statusOf } from './rig.ts';

const MS = 160;

function guest(bytesRead: () => number, complete = false): Waiting {
  const req = {
    complete,
    socket: {
      get bytesRead() {
        return bytesRead();
      },
    },
  };
  return { req: req as IncomingMessage, res: { headersSent: false, destroyed: false } as ServerResponse };
}

it('an app that is silent is given up once, a browser that still sends is waited for', async () => {
  const given: Waiting[] = [];
  const room = new WaitingRoom<Waiting>(MS, (waiting) => given.push(waiting));
  const [silent, sending, answered] = [guest(() => 7), guest(() => Date.now()), guest(() => 7, true)];
  for (const each of [silent, sending, answered]) room.enter(each);
  room.leave(answered);
  room.leave(answered);
  await wait(3 * MS);
  expect(given).toEqual([silent]);
  room.leave(sending);
  await wait(MS);
  expect(given).toHaveLength(1);
});

it('the page says that the app did not answer in time, and its connection is closed', async () => {
  const rig = await httpRig(() => {}, { limits: { ...LIMITS, responseMs: MS } });
  try {
    const got = await request(rig.session.port, { path: '/api', host: rig.host, headers: { Cookie: rig.cookie } });
    expect(statusOf(got)).toBe(504);
    await wait(MS);
    expect(rig.openAtBackend()).toBe(0);
  } finally {
    await rig.close();
  }
});

it('a place that was left is used again, and holds nothing', () => {
  const slots = new Slots<string>();
  const [a, b] = [slots.enter('a'), slots.enter('b')];
  slots.leave(a);
  expect([[...slots], slots.size]).toEqual([['b'], 1]);
  expect(slots.enter('c')).toBe(a);
  slots.leave(b);
  expect([...slots]).toEqual(['c']);
});

it('what is genuine is checked once, what is not each time, and of many the oldest is forgotten', () => {
  const check = jest.fn((value: string) => (value.startsWith('good') ? value.length : undefined));
  const genuine = new Genuine(check);
  expect([genuine.read('good'), genuine.read('good'), genuine.read('bad'), genuine.read('bad')]).toEqual([
    4,
    4,
    undefined,
    undefined,
  ]);
  expect(check).toHaveBeenCalledTimes(3);
  for (let n = 0; n < 64; n++) genuine.read(`good${n}`);
  genuine.read('good');
  expect(check).toHaveBeenCalledTimes(3 + 64 + 1);
});
