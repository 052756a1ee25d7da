import { describe, expect, it, jest } from '@jest/globals';
import { talking, until } from '../../devcluster/patience.ts';

describe('waiting', () => {
  it('is never silent for more than ten seconds, and is quiet again afterwards', async () => {
    jest.useFakeTimers();
    try {
      const told: string[] = [];
      let finish = (_: string) => {};
      const work = new Promise<string>((resolve) => {
        finish = resolve;
      });
      const waiting = talking(
        (line) => told.push(line),
        'building',
        work,
        () => 'step 5',
      );
      jest.advanceTimersByTime(9_000);
      expect(told).toEqual(['building: 8 s (step 5)']);
      jest.advanceTimersByTime(10_000);
      expect(told).toHaveLength(2);
      finish('image');
      expect(await waiting).toBe('image');
      jest.advanceTimersByTime(60_000);
      expect(told).toHaveLength(2);
    } finally {
      jest.useRealTimers();
    }
  });

  it('ends with the first yes, or without one when the time is over', async () => {
    let asked = 0;
    expect(await until(async () => ++asked === 3, 5_000, 1)).toBe(true);
    expect(asked).toBe(3);
    expect(await until(async () => false, 5, 1)).toBe(false);
  });
});
