import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { expandHostlist } from '../../../schedulers/slurm/hostlist.ts';

describe('a node list', () => {
  it.each([
    ['', []],
    ['c1', ['c1']],
    ['c[1-3,7],login', ['c1', 'c2', 'c3', 'c7', 'login']],
    ['gpu-[08-10]-ib', ['gpu-08-ib', 'gpu-09-ib', 'gpu-10-ib']],
    ['r[1-2]n[1-2]', ['r1n1', 'r1n2', 'r2n1', 'r2n2']],
    ['a.b-c', ['a.b-c']],
  ])('%j names %j', (text, hosts) => expect(expandHostlist(text)).toEqual(hosts));

  it.each(['c[1-3', 'c[3-1]', 'c[a]', 'c[1-999999999]', 'a,,b', 'c;id', '(null)', 'c[1-9999],d[1-9999]'])(
    'that is malformed or absurd names no node: %j',
    (text) => expect(expandHostlist(text)).toEqual([]),
  );

  it('gives back what it was folded from, whatever the prefix, width and gaps', () => {
    const numbers = fc.uniqueArray(fc.nat({ max: 999 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z-]$/),
        numbers,
        fc.integer({ min: 1, max: 4 }),
        (prefix, all, width) => {
          const sorted = all.map((n) => String(n).padStart(width, '0')).sort();
          expect(expandHostlist(`${prefix}[${sorted.join(',')}]`)).toEqual(sorted.map((n) => prefix + n));
          const [low = 0, high = 0] = [Math.min(...all), Math.max(...all)];
          const range = `${prefix}[${String(low).padStart(width, '0')}-${String(high).padStart(width, '0')}]`;
          expect(expandHostlist(range)).toHaveLength(high - low + 1);
        },
      ),
    );
  });
});
