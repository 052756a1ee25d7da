import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { KeptSession, SessionView } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import { Culls, toPutOff } from '../../../server/endpoint/culls.ts';
import type { KeptRow } from '../../../server/endpoint/kept.ts';
import { session } from '../../sessions/example.ts';

const NOW = 1_800_000_000;
const id = (n: number) => `hb-${String(n).padStart(10, '0')}`;

describe('ends for idleness', () => {
  it('that are few are left alone', () => {
    const due = Array.from({ length: 20 }, (_, n) => ({ id: id(n), at: NOW + n }));
    expect(toPutOff(due, 20, NOW)).toEqual([]);
  });

  it('of a whole course at one moment are spread, so many in a minute', () => {
    const due = Array.from({ length: 50 }, (_, n) => ({ id: id(n), at: NOW + 30 }));
    const waits = toPutOff(due, 20, NOW);
    expect(waits.map(({ seconds }) => seconds)).toEqual([...Array(20).fill(60), ...Array(10).fill(120)]);
  });

  it('that are far away are looked at when they come nearer', () => {
    const due = Array.from({ length: 50 }, (_, n) => ({ id: id(n), at: NOW + 3600 }));
    expect(toPutOff(due, 20, NOW)).toEqual([]);
  });

  it('are never more than so many in a minute, whoever they are, once all have waited', () => {
    const anybody = fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 80 });
    fc.assert(
      fc.property(anybody, fc.integer({ min: 1, max: 10 }), (moments, most) => {
        let due = moments.map((after, n) => ({ id: id(n), at: NOW + after }));
        const ends: number[] = [];
        for (let now = NOW; due.length > 0; now += 15) {
          const waits = new Map(toPutOff(due, most, now).map((one) => [one.id, one.seconds]));
          due = due.map((one) => ({ ...one, at: one.at + (waits.get(one.id) ?? 0) }));
          ends.push(...due.filter(({ at }) => at < now + 15).map(({ at }) => at));
          due = due.filter(({ at }) => at >= now + 15);
        }
        ends.sort((a, b) => a - b);
        expect(ends.filter((at, n) => at - (ends[n - most] ?? 0) < 60)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('wait where the agent answers; of one that is silent nothing is learned, and nobody is ended by asking', async () => {
    const rows = [0, 1, 2].map((n): KeptRow => {
      const record: KeptSession = {
        ...session,
        id: id(n),
        phase: 'ready',
        idle: { since: NOW - 3590, busyKernels: 0 },
        limits: { idleSeconds: 3600 },
        secrets: { ca: '', clientCert: '', clientKey: '', appToken: '', cookieKey: '' },
      };
      return { record, account: 'alice' };
    });
    const asked: [string, number | undefined][] = [];
    const learned: KeptSession[] = [];
    const culls = new Culls({
      services: {
        touch: async (_user, record, seconds) => {
          asked.push([record.id, seconds]);
          if (record.id === id(2)) throw new Error('silent');
        },
      },
      kept: { sessions: () => rows },
      view: ({ record }) => ({ phase: 'ready', culledAt: (record.idle?.since ?? 0) + 3600 }) as SessionView,
      userOf: (account) => ({ account, shown: account, roles: ['user'] }),
      atOnce: () => 1,
      learned: (record) => learned.push(record),
      log: () => {},
    });
    await culls.look(NOW);
    expect(asked).toEqual([
      [id(1), 60],
      [id(2), 120],
    ]);
    expect(learned.map((record) => [record.id, record.idle?.since])).toEqual([[id(1), NOW - 3530]]);
  });

  it('are looked at again after a look at which the disk failed, which is told', async () => {
    const told: Record<string, unknown>[] = [];
    let fails = true;
    const culls = new Culls({
      services: { touch: async () => {} },
      kept: {
        sessions() {
          if (fails) throw new HpcbinderError('E-STATE', { message: 'the disk fails' });
          return [];
        },
      },
      view: () => ({ phase: 'ready' }) as SessionView,
      userOf: (account) => ({ account, shown: account, roles: ['user'] }),
      atOnce: () => 1,
      learned: () => {},
      log: (line) => told.push(line),
    });
    await culls.look(NOW);
    expect(told).toEqual([{ event: 'culls', words: 'the disk fails' }]);
    fails = false;
    await culls.look(NOW);
    expect(told).toHaveLength(1);
  });
});
