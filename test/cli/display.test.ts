import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Display, type Style } from '../../cli/display.ts';
import type { Progress } from '../../core/progress.ts';
import { hasControls, width } from '../../core/text.ts';

let out: string[];
let err: string[];

beforeEach(() => {
  [out, err] = [[], []];
  jest.useFakeTimers({ now: 0 });
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean(out.push(String(text))));
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean(err.push(String(text))));
});
afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

function shown(style: Style, events: readonly Progress[]): Display {
  const display = new Display(style);
  for (const event of events) display.on(event);
  return display;
}
const start: Progress = { type: 'start', phase: 'build', text: 'image' };
const done = (text: string, seconds = 52): Progress => ({ type: 'done', phase: 'build', text, seconds });
/** What a terminal keeps of it: each line as it was drawn last. */
const scrollback = () =>
  err
    .join('')
    .split('\n')
    .map((line) => line.slice(line.lastIndexOf('\u001b[2K') + (line.includes('\u001b[2K') ? 4 : 0)));

describe('a launch on the screen', () => {
  it('is one line per phase, with its time at the right', () => {
    shown('lines', [start, done('image for amd64')]).stop();
    expect(err.join('')).toMatch(/^build {5}image for amd64 +52 s\n$/);
    expect(out).toEqual([]);
  });

  it('has no frame of the moving line in its scrollback', () => {
    const display = shown('moving', [start]);
    jest.advanceTimersByTime(5_000);
    display.on(done('image'));
    display.stop();
    expect(scrollback().filter((line) => line.includes('build'))).toHaveLength(1);
  });

  it('never draws a line that wraps, whatever is in it', () => {
    const display = shown('moving', [start, { type: 'log', phase: 'build', line: '漢字🎉'.repeat(60) }]);
    display.on({ type: 'update', phase: 'build', text: 'x'.repeat(200), done: 1, total: 2 });
    jest.advanceTimersByTime(1_000);
    display.stop();
    for (const frame of err.join('').split('\r\u001b[2K')) expect(width(frame)).toBeLessThan(78);
  });

  it('tells a program of bytes five times a second, of other words and of the last byte always', () => {
    const bytes = (done: number, text = 'squeezing'): Progress => ({
      type: 'update',
      phase: 'build',
      text,
      done,
      total: 1000,
    });
    const display = shown('json', [start]);
    for (let at = 0; at < 1000; at++) {
      display.on(bytes(at));
      jest.advanceTimersByTime(1);
    }
    display.on(bytes(999, 'sending'));
    display.on(bytes(1000, 'sending'));
    display.stop();
    const told = out
      .filter((line) => line.includes('"update"'))
      .map((line) => (JSON.parse(line) as { done: number }).done);
    expect(told).toEqual([0, 200, 400, 600, 800, 999, 1000]);
  });

  it('is steered by nothing that others wrote', () => {
    const evil = 'a\u001b[2J\rb\u009b1m';
    const display = shown('lines', [
      { type: 'start', phase: 'build', text: evil },
      { type: 'log', phase: 'build', line: evil },
      { type: 'note', text: evil },
      { type: 'warning', text: evil },
    ]);
    jest.advanceTimersByTime(20_000);
    display.on(done(evil));
    display.stop();
    expect(hasControls(err.join('').replaceAll('\n', ''))).toBe(false);
  });

  it('is never silent for more than 10 s', () => {
    const display = shown('lines', [start]);
    for (let second = 10; second <= 60; second += 10) {
      const before = err.length;
      jest.advanceTimersByTime(10_000);
      expect(err.length).toBeGreaterThan(before);
    }
    display.stop();
    const after = err.length;
    jest.advanceTimersByTime(60_000);
    expect(err.length).toBe(after);
  });

  it.each(['failed', 'interrupted'] as const)('ends the present phase as %s', (how) => {
    const display = shown('lines', [start]);
    jest.advanceTimersByTime(3_000);
    display.fail(how);
    expect(err.join('')).toBe(`build     ${how} after 3 s\n`);
    display.fail(how);
    expect(err).toHaveLength(1);
  });

  it('is one event a line on stdout with --json, and nothing else', () => {
    shown('json', [start, done('image')]).fail();
    expect(out.map((line) => JSON.parse(line))).toEqual([start, done('image')]);
    expect(err).toEqual([]);
  });

  it('is silent with --quiet but for warnings', () => {
    shown('quiet', [start, { type: 'note', text: 'n' }, done('image'), { type: 'warning', text: 'w' }]).stop();
    expect(err).toEqual(['note      w\n']);
  });

  it('shows how far a copy is, with its size', () => {
    const display = shown('lines', [start, { type: 'update', phase: 'build', done: 205e6, total: 410e6 }]);
    jest.advanceTimersByTime(10_000);
    display.stop();
    expect(err.join('')).toMatch(/(?:█{10}░{10}|#{10}\.{10}) 205 MB of 410 MB/);
  });
});
