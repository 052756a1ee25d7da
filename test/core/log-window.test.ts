/** A log without bounds is kept in bounded room (SECURITY F-47). */
import { describe, expect, it } from '@jest/globals';
import { LogWindow } from '../../core/log-window.ts';

function through(lines: Iterable<string>): string[] {
  const told: string[] = [];
  const log = new LogWindow((line) => told.push(line));
  for (const line of lines) log.take(line);
  log.end();
  return told;
}

describe('a log of any length', () => {
  it('passes as it is where it is short', () => {
    expect(through(['a', '', 'b'])).toEqual(['a', '', 'b']);
  });

  it('has its beginning and its last lines where it has a million', () => {
    const told = through(Array.from({ length: 1_000_000 }, (_, n) => `line ${n}`));
    expect(told.length).toBeLessThan(51_000);
    expect(told[0]).toBe('line 0');
    expect(told.at(-1)).toBe('line 999999');
    expect(told).toContain('(the log is too long: of what follows only the last lines are kept)');
    const left = Number(/^\((\d+) lines left out\)$/.exec(told.find((line) => /left out/.test(line)) ?? '')?.[1]);
    expect(left + told.length - 2).toBe(1_000_000);
  });

  it('is short too where its lines are long', () => {
    const told = through(Array.from({ length: 5_000 }, () => 'x'.repeat(4096)));
    expect(told.join('').length).toBeLessThan(6 << 20);
  });
});
