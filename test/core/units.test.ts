import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { clockTime, duration, memory, parseDuration, parseMemory, size } from '../../core/units.ts';

const seconds = fc.integer({ min: 1, max: 366 * 86_400 });

describe('memory', () => {
  it.each([
    ['8G', 8192],
    ['8 GB', 8192],
    ['8Gi', 8192],
    ['8gib', 8192],
    ['512M', 512],
    ['512', 512],
    ['1.5T', 1_572_864],
    ['1K', 1],
  ])('%s is %i MiB', (text, mib) => {
    expect(parseMemory(text)).toBe(mib);
  });

  it.each(['', 'G', '-1G', '0', '8X', '8 G B', '1e3', 'Infinity', '99999T', '8G; id'])('%j is none', (text) => {
    expect(() => parseMemory(text)).toThrow(/is no amount of memory/);
  });

  it('is read as it is shown, up to the tenth that is shown', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1 << 30 }), (mib) => {
        const again = parseMemory(memory(mib));
        expect(Math.abs(again - mib)).toBeLessThanOrEqual(mib < 10_240 ? 0 : 52);
      }),
    );
  });
});

describe('durations', () => {
  it.each([
    ['2h', 7200],
    ['90m', 5400],
    ['90 min', 5400],
    ['1d12h', 129_600],
    ['1.5h', 5400],
    ['45s', 45],
    ['30', 1800],
    ['02:30', 150],
    ['02:00:00', 7200],
    ['1-12', 129_600],
    ['1-00:30', 88_200],
    ['1-00:00:01', 86_401],
  ])('%s is %i seconds', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each(['', '0', '0h', '-1', 'soon', '2h30', '1:2:3:4', '367d', 'h', '1-'])('%j is none', (text) => {
    expect(() => parseDuration(text)).toThrow(/is no duration/);
  });

  it('come back from the schedulers’ own form, with days and without', () => {
    fc.assert(
      fc.property(seconds, fc.boolean(), (value, days) => {
        expect(parseDuration(clockTime(value, { days }))).toBe(value);
      }),
    );
  });

  it('never show more than they are', () => {
    fc.assert(fc.property(seconds, (value) => expect(parseDuration(duration(value))).toBeLessThanOrEqual(value)));
  });

  it.each([
    [0, '0 s'],
    [59.6, '1 min'],
    [3600, '1 h'],
    [5400, '1 h 30 min'],
    [129_600, '1 d 12 h'],
  ])('%d s are shown as %s', (value, text) => {
    expect(duration(value)).toBe(text);
  });
});

describe('sizes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [410_000_000, '410 MB'],
    [999_600_000, '1.0 GB'],
    [1.2e9, '1.2 GB'],
    [5e15, '5000 TB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(size(bytes)).toBe(text);
  });

  it('are never wider than a column has room for', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 9e14 }), (bytes) => expect(size(bytes).length).toBeLessThan(8)));
  });
});
