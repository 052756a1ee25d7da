import { describe, expect, it } from '@jest/globals';
import { learned, type Sample } from '../../../cli/serve/figures.ts';

const SESSION = { id: 'hb-k3f9q2x7ma', request: { cpus: 2, memoryMb: 4096, gpus: 0, seconds: 3600, extra: [] } };
const told = (cpuSeconds: number, mib = 512) => ({ cpuSeconds, memoryBytes: mib * 2 ** 20, processes: 3 });

describe('what a session uses, as its agent tells it with each answer', () => {
  it('has memory from the first on, and cores from the second: they are the difference of two', () => {
    const samples = new Map<string, Sample>([]);
    const first = learned(told(10), SESSION, samples);
    expect(first).toMatchObject({ memory: { usedMb: 512, askedMb: 4096 } });
    expect(first?.cpu).toBeUndefined();
    const before = samples.get(SESSION.id) as Sample;
    samples.set(SESSION.id, { ...before, at: before.at - 30_000 });
    expect(learned(told(40, 600), SESSION, samples)).toMatchObject({
      cpu: { used: expect.closeTo(1, 1), asked: 2 },
      memory: { usedMb: 600 },
    });
  });

  it('of two sessions are apart, and a process that ended makes no negative cores', () => {
    const samples = new Map<string, Sample>([
      ['hb-k3f9q2x7ma', { at: Date.now() - 10_000, cpuSeconds: 90, memoryBytes: 1 }],
    ]);
    expect(learned(told(100), { ...SESSION, id: 'hb-aaaaaaaaaa' }, samples)?.cpu).toBeUndefined();
    expect(learned(told(80), SESSION, samples)?.cpu).toEqual({ used: 0, asked: 2 });
  });

  it.each([[undefined], [null], ['many'], [{ cpuSeconds: 'ten', memoryBytes: 1 }], [{ cpuSeconds: 1 }]])(
    'is nothing where the agent said %j, and what was known stays',
    (nonsense) => {
      const known = { at: 1, cpuSeconds: 1, memoryBytes: 1 };
      const samples = new Map<string, Sample>([[SESSION.id, known]]);
      expect(learned(nonsense, SESSION, samples)).toBeUndefined();
      expect(samples.get(SESSION.id)).toBe(known);
    },
  );
});
