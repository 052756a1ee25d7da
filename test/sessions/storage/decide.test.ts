import { describe, expect, it } from '@jest/globals';
import { decide, type Limits } from '../../../sessions/storage/decide.ts';
import type { Inventory, Kind, Thing, Use } from '../../../sessions/storage/inventory.ts';

const NOW = 1_800_000_000;
const HOUR = 3600;
const DAY = 24 * HOUR;
const STORE = '/scratch/alice/hpcbinder/images';
const key = (letter: string) => letter.repeat(32);

function thing(kind: Kind, name: string, age: number, more: Partial<Thing> = {}): Thing {
  return { kind, name, usedAt: NOW - age, own: true, bytes: 1e9, ...more };
}

const use = (session: string, ...paths: string[]): Use => ({ session, paths, over: false });

function verdicts(things: readonly Thing[], more: Partial<Inventory> = {}, limits: Partial<Limits> = {}) {
  const all: Inventory = {
    things,
    uses: [],
    live: new Map(),
    now: NOW,
    store: { mode: '700', own: true },
    ...more,
  };
  const found = decide(all, { maxAgeSeconds: 30 * DAY, ...limits }, STORE);
  return found.map(({ name, goes, why }) => `${name.slice(0, 12)} ${goes ? 'goes' : 'stays'}: ${why}`);
}

describe('what goes and what stays', () => {
  it('is decided by the last use: over the age it goes, under it and within the hour it stays', () => {
    const images = [
      thing('image', key('a'), 41 * DAY),
      thing('image', key('b'), 3 * DAY),
      thing('image', key('c'), 60),
    ];
    expect(verdicts(images)).toEqual([
      'aaaaaaaaaaaa goes: not used for 41 d',
      'bbbbbbbbbbbb stays: used 3 d ago',
      'cccccccccccc stays: used within the last hour',
    ]);
  });

  it('F-39: spares what a living session reads, image, packed content and what was set aside, whatever its age', () => {
    const name = `tree-${key('a')}${key('b')}.tar.gz`;
    const things = [
      thing('image', key('a'), 400 * DAY),
      thing('aside', `${key('a')}.sif.old-1700000000`, 400 * DAY),
      thing('content', `contents/${name}`, 400 * DAY),
      thing('session', 'hb-abcdefghij', 400 * DAY),
    ];
    const live = new Map([['hb-abcdefghij', '7']]);
    const uses = [use('hb-abcdefghij', `${STORE}/${key('a')}.sif`, `${STORE}/contents/${name}`)];
    expect(verdicts(things, { live, uses }, { maxBytes: 1 })).toEqual([
      'aaaaaaaaaaaa stays: session hb-abcdefghij uses it',
      'aaaaaaaaaaaa stays: session hb-abcdefghij uses it',
      'contents/tre stays: session hb-abcdefghij uses it',
      'hb-abcdefghi stays: its job is not over',
    ]);
    // over by its own record, and the scheduler knows no such job
    const over = [{ ...use('hb-abcdefghij', `${STORE}/${key('a')}.sif`), over: true }];
    expect(verdicts(things.slice(0, 1), { uses: over })).toEqual(['aaaaaaaaaaaa goes: not used for 400 d']);
    // its record says so and the scheduler does not: the scheduler is right
    expect(verdicts(things.slice(0, 1), { uses: over, live })).toEqual([
      'aaaaaaaaaaaa stays: session hb-abcdefghij uses it',
    ]);
  });

  it('ABU-06: over the size those used longest ago go until the rest fits, and none of the last hour', () => {
    const images = [
      thing('image', key('a'), 2 * DAY),
      thing('image', key('b'), 5 * DAY),
      thing('image', key('c'), 60, { bytes: 5e9 }),
      thing('aside', `${key('d')}.sif.damaged-${NOW - 60}`, 60),
    ];
    expect(verdicts(images, {}, { maxBytes: 7.5e9 })).toEqual([
      'aaaaaaaaaaaa stays: used 2 d ago',
      'bbbbbbbbbbbb goes: used longest ago, and the images are over 7.5 GB',
      'cccccccccccc stays: used within the last hour',
      'dddddddddddd stays: damaged within the last hour',
    ]);
    expect(verdicts(images, {}, { maxBytes: 1e9 }).filter((line) => line.includes('goes'))).toHaveLength(2);
  });

  it('leaves what is another user’s, and in a shared store every image that others may be running from', () => {
    const things = [thing('image', key('a'), 99 * DAY), thing('image', key('b'), 99 * DAY, { own: false })];
    const store = { mode: '755', own: true };
    expect(verdicts(things, { store }, { maxBytes: 1 })).toEqual([
      'aaaaaaaaaaaa stays: others may be running from it (--shared)',
      'bbbbbbbbbbbb stays: belongs to another user',
    ]);
    expect(verdicts(things, { store }, { shared: true })[0]).toBe('aaaaaaaaaaaa goes: not used for 99 d');
  });

  it('takes what a dead upload or build left after a day, and what was damaged after an hour', () => {
    const things = [
      thing('partial', `${key('a')}.sif.partial`, 2 * DAY),
      thing('partial', `${key('b')}.sif.partial`, HOUR),
      thing('lock', `${key('a')}.lock`, 2 * DAY),
      thing('orphan', `${key('c')}.sif`, 2 * DAY),
      thing('build', `builds/${key('a')}`, 2 * DAY, { job: 'hb-abcdefghij' }),
      thing('build', `builds/${key('b')}`, 2 * DAY, { job: 'hb-bbbbbbbbbb' }),
      thing('room', 'tmp/build.AbCdEfGh', 2 * DAY),
      thing('aside', `${key('d')}.sif.damaged-${NOW - 2 * HOUR}`, 99 * DAY),
      thing('aside', `${key('e')}.sif.old-${NOW - 60}`, 99 * DAY),
    ];
    expect(verdicts(things, { live: new Map([['hb-bbbbbbbbbb', '8']]) })).toEqual([
      'aaaaaaaaaaaa goes: half an upload, untouched for 2 d',
      'bbbbbbbbbbbb stays: half an upload, touched 1 h ago',
      'aaaaaaaaaaaa goes: a lock, untouched for 2 d',
      'cccccccccccc goes: half an image, untouched for 2 d',
      'builds/aaaaa goes: a build, untouched for 2 d',
      'builds/bbbbb stays: a build runs',
      'tmp/build.Ab goes: room of a build, untouched for 2 d',
      'dddddddddddd goes: damaged',
      'eeeeeeeeeeee stays: replaced by a newer one within the last hour',
    ]);
  });

  it('F-45: is decided for 10^5 directories of ended sessions', () => {
    const things = Array.from({ length: 100_000 }, (_, n) =>
      thing('session', `hb-${String(n).padStart(10, '0')}`, 60 * DAY),
    );
    expect(verdicts(things).filter((line) => line.includes('goes: over for 60 d'))).toHaveLength(100_000);
  });
});
