import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Figures, KeptSession, Services, User } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import { Access } from '../../../server/access.ts';
import type { Kept } from '../../../server/endpoint/kept.ts';
import { Live, type LiveOptions } from '../../../server/endpoint/live.ts';
import { LIMITS } from '../../../server/limits.ts';
import { until } from '../rig.ts';
import { kept } from '../state/rig.ts';

const FIGURES: Figures = { at: 1_700_000_000_000, memory: { usedMb: 512, askedMb: 4096 } };
const ALICE: User = { account: 'alice', shown: 'alice', roles: ['user'] };
let live: Live;
/** what the last follower says of its session */
let told: Parameters<Services['follow']>[2]['on'];
afterEach(() => live.close());

/** A cluster whose agents tell what they use as soon as they are asked; it keeps which were. */
function opened(asked: string[], more: Partial<LiveOptions> = {}): Live {
  const follow: Services['follow'] = async (_user, record, how, signal) => {
    asked.push(record.id);
    told = how.on;
    how.figures({ ...FIGURES, at: FIGURES.at + asked.length });
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    return record;
  };
  return new Live({
    services: { follow } as unknown as Services,
    kept: {} as Kept,
    limits: LIMITS,
    placeOf: (id) => ({ origin: `http://${id}.localhost:1`, base: '/' }),
    accessOf: ({ id }: KeptSession) => new Access(id, 'ab'.repeat(32)),
    userOf: () => ALICE,
    mayTouch: () => true,
    home: 'http://localhost:1/sessions',
    ...more,
  });
}

it('what a session uses comes with the answers of its agent, the newest last', async () => {
  live = opened([]);
  const record = kept();
  live.add({ record, account: 'alice' });
  expect(live.figures(record.id)).toEqual([]);
  expect(await until(() => live.figures(record.id).length > 0)).toBe(true);
  expect(live.figures(record.id)).toEqual([{ ...FIGURES, at: FIGURES.at + 1 }]);
});

it('a session stays as long as it was made, whatever who follows it knew before', async () => {
  const record = kept();
  const written: KeptSession[] = [];
  live = opened([], { kept: { noteSession: (newer: KeptSession) => void written.push(newer) } as unknown as Kept });
  live.add({ record, account: 'alice' });
  expect(await until(() => live.figures(record.id).length > 0)).toBe(true);
  const longer = { ...record, request: { ...record.request, seconds: record.request.seconds + 3600 } };
  live.update(longer);
  // as the follower has it, who was told of the later end by the agent
  told({ ...record, endsAt: (record.endsAt ?? 0) + 3600 }, true);
  expect(written.map(({ request }) => request.seconds)).toEqual([longer.request.seconds, longer.request.seconds]);
  expect(written.at(-1)?.endsAt).toBe((record.endsAt ?? 0) + 3600);
});

it('after a start the pages that come back are served before the agents are asked (F-49)', async () => {
  const asked: string[] = [];
  live = opened(asked);
  const [one, other] = [kept({ id: 'hb-aaaaaaaaaa' }), kept({ id: 'hb-bbbbbbbbbb' })];
  live.add({ record: one, account: 'alice' }, true);
  live.add({ record: other, account: 'alice' });
  expect(await until(() => asked.length > 0)).toBe(true);
  expect(asked).toEqual([other.id]);
  for (const { id } of [one, other])
    expect(live.door({ headers: { host: `${id}.localhost:1` }, url: '/lab' })?.route.state()).toBe('ready');
});

describe('while the disk of the state fails', () => {
  let fails: boolean;
  let written: KeptSession[];
  const failing = {
    noteSession(newer: KeptSession) {
      if (fails) throw new HpcbinderError('E-STATE', { message: 'the disk fails' });
      written.push(newer);
    },
  } as unknown as Kept;
  beforeEach(() => {
    [fails, written] = [true, []];
  });

  it('a session goes on, and what its agent told is written with a later answer', async () => {
    const record = kept();
    live = opened([], { kept: failing });
    live.add({ record, account: 'alice' });
    expect(await until(() => live.figures(record.id).length > 0)).toBe(true);
    const later = { ...record, endsAt: 4_000_000_000 };
    expect(() => told(later, true)).not.toThrow();
    expect(live.door({ headers: { host: `${record.id}.localhost:1` }, url: '/lab' })?.route.state()).toBe('ready');
    fails = false;
    told(later, true);
    expect(written.map(({ endsAt }) => endsAt)).toEqual([later.endsAt]);
  });

  it('the end of a session ends nothing else, and is written once the disk is back', async () => {
    const record = kept();
    let followed = 0;
    const follow: Services['follow'] = async () => {
      followed++;
      return { ...record, phase: 'ended', ended: { why: 'stopped', at: '2026-11-24T12:00:00.000Z' } };
    };
    live = opened([], { kept: failing, services: { follow } as unknown as Services, againMs: 20 });
    live.add({ record, account: 'alice' });
    expect(await until(() => followed > 2)).toBe(true);
    expect(live.has(record.id)).toBe(true);
    fails = false;
    expect(await until(() => !live.has(record.id))).toBe(true);
    expect(written.map(({ phase }) => phase)).toEqual(['ended']);
  });
});
