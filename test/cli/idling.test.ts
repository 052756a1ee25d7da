import { describe, expect, it } from '@jest/globals';
import { Idling } from '../../cli/idling.ts';

const START = 1_795_000_000;
const HOUR = 3600;

/** One record a half minute, unused since `START`, and what is said at which second. */
function told(limit: number, record: { busyKernels?: number; endsAt?: number; usedAt?: number }, until: number) {
  const idling = new Idling();
  const said: [number, string][] = [];
  for (let second = 0; second <= until; second += 30) {
    const { busyKernels = 0, endsAt, usedAt = Number.POSITIVE_INFINITY } = record;
    const idle = { since: second >= usedAt ? START + usedAt : START, busyKernels };
    const one = idling.look(
      { idle, limits: { idleSeconds: limit }, ...(endsAt === undefined ? {} : { endsAt }) },
      new Date((START + second) * 1000),
    );
    if (one) said.push([second, one.kind === 'near' ? `${one.unused} unused, ${one.left} left` : 'used']);
  }
  return said;
}

describe('an end for idleness', () => {
  it('is said 15, 5 and 1 minutes before', () => {
    expect(told(HOUR, {}, HOUR)).toEqual([
      [2700, '2700 unused, 900 left'],
      [3300, '3300 unused, 300 left'],
      [3540, '3540 unused, 60 left'],
    ]);
  });

  it('is not said at once where the limit is short', () => {
    expect(told(300, {}, 300)).toEqual([[240, '240 unused, 60 left']]);
  });

  it('is taken back when somebody uses the session, and said again when nobody does', () => {
    expect(told(300, { usedAt: 270 }, 570)).toEqual([
      [240, '240 unused, 60 left'],
      [270, 'used'],
      [510, '240 unused, 60 left'],
    ]);
  });

  it('is said anew where it was used and is near again all the same', () => {
    expect(told(90, { usedAt: 50 }, 90)).toEqual([
      [30, '30 unused, 60 left'],
      [60, 'used'],
      [90, '40 unused, 50 left'],
    ]);
    // within one look
    expect(told(70, { usedAt: 40 }, 60)).toEqual([
      [30, '30 unused, 40 left'],
      [60, '20 unused, 50 left'],
    ]);
  });

  it('is not said of a session that works, nor where the walltime ends before', () => {
    expect(told(300, { busyKernels: 1 }, 600)).toEqual([]);
    expect(told(300, { endsAt: START + 200 }, 200)).toEqual([]);
  });
});
