import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkExtension } from '../../../server/policy/extension.ts';
import { parsePolicy } from '../../../server/policy/parse.ts';
import { least } from './example.ts';

const HOUR = 3600;
const request = { cpus: 2, memoryMb: 4096, gpus: 0, seconds: 2 * HOUR, extra: [] };
const granted = { provider: 'gh', spec: 'our-org/lesson/HEAD' };
const extended = (more: string, seconds: number, partition?: string) =>
  checkExtension(
    parsePolicy(
      least.replace('campus: {}', 'campus: {partitions: {short: {time: 3h}, long: {time: 12h}}}') + more,
      'p',
    ),
    { cluster: 'campus', request: { ...request, ...(partition ? { partition } : {}) } },
    granted,
    seconds,
  );

describe('a session that is extended', () => {
  it('becomes no longer than one may be launched, in its partition', () => {
    expect(() => extended('ceilings: {time: 4h}\n', 2 * HOUR)).not.toThrow();
    expect(() => extended('ceilings: {time: 4h}\n', 2 * HOUR + 60)).toThrow(
      'it would be 4 h 1 min long, and the limit of this endpoint is 4 h',
    );
    expect(() => extended('ceilings: {time: 4h}\n', 2 * HOUR, 'short')).toThrow(
      'the limit of partition short here is 3 h',
    );
    expect(() => extended('ceilings: {time: 4h}\n', 10 * HOUR, 'long')).not.toThrow();
  });

  it('nor older than sessions become, nor longer than those of its repository', () => {
    expect(() => extended('culling: {max_age: 150m}\n', HOUR, 'long')).toThrow(
      'for the age of a session is 2 h 30 min',
    );
    const settings = 'repositories: {settings: [{match: github.com/our-org/*, time: 150m}]}\n';
    expect(() => extended(settings, HOUR)).toThrow('the limit of github.com/our-org/* is 2 h 30 min');
  });

  it('however it came to be as long as it is', () => {
    const policy = parsePolicy(`${least}ceilings: {time: 6h}\n`, 'p');
    const long = { cluster: 'campus', request, startedAt: 1_700_000_000, endsAt: 1_700_000_000 + 5 * HOUR + 12 };
    expect(() => checkExtension(policy, long, granted, HOUR)).not.toThrow();
    expect(() => checkExtension(policy, long, granted, HOUR + 60)).toThrow('limit of this endpoint is 6 h');
  });

  it('by steps as by one: whatever the steps, the ceiling stays', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 60, max: 4 * HOUR }), { maxLength: 10 }), (steps) => {
        let { seconds } = request;
        const policy = parsePolicy(`${least}ceilings: {time: 6h}\n`, 'p');
        for (const step of steps)
          try {
            checkExtension(policy, { cluster: 'campus', request: { ...request, seconds } }, granted, step);
            seconds += step;
          } catch {}
        expect(seconds).toBeLessThanOrEqual(6 * HOUR);
      }),
    );
  });
});
