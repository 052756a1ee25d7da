import { afterEach, expect, it } from '@jest/globals';
import type { Figures, KeptSession, Services, User } from '../../../core/endpoint.ts';
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
