import { afterEach, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../jobs/clock.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

it('goes on where the clock of the machine is set back, and counts its sleep (F-46)', () => {
  let wall = Date.now();
  jest.spyOn(Date, 'now').mockImplementation(() => wall);
  const began = systemClock.now();
  const passed = (ms: number): number => {
    wall += ms;
    return systemClock.now() - began;
  };
  expect(passed(1000)).toBe(1000);
  expect(passed(-3 * 3_600_000)).toBe(1000);
  expect(passed(2000)).toBe(3000);
  expect(passed(600_000)).toBe(603_000);
});
