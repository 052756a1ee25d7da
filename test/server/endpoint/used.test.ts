import { expect, it } from '@jest/globals';
import { Used } from '../../../server/endpoint/used.ts';

it('what a session used is kept for an hour, one in half a minute, the newest last', () => {
  const used = new Used();
  expect(used.all()).toEqual([]);
  expect(used.last).toBeUndefined();
  const figures = (n: number) => ({ at: n * 30_000, gpus: [{ index: 0, busy: 0.5 }] });
  for (let n = 0; n < 130; n++) used.add(figures(n));
  expect(used.all()).toEqual(Array.from({ length: 120 }, (_, n) => figures(n + 10)));
  expect(used.last).toEqual(figures(129));
});
