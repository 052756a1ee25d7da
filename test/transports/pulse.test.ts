/** When a connection is doubted. What then happens to it is seen over a real line in test/faults/streams.test.ts. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { backOff } from '../../transports/back-off.ts';
import { PULSE, Pulse } from '../../transports/ssh2/pulse.ts';

let doubts = 0;
let settle: () => void = () => {};
let pulse: Pulse;

beforeEach(() => {
  jest.useFakeTimers();
  doubts = 0;
  pulse = new Pulse(() => {
    doubts += 1;
    return new Promise((resolve) => {
      settle = resolve;
    });
  });
});
afterEach(() => {
  pulse.stop();
  jest.useRealTimers();
});

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

describe('the pulse of a connection', () => {
  it('doubts one that is silent for longer than its keepalives take', async () => {
    await pass(PULSE.doubtMs);
    expect(doubts).toBe(0);
    await pass(2 * PULSE.tickMs);
    expect(doubts).toBe(1);
  });

  it('doubts none that is heard now and then', async () => {
    for (let n = 0; n < 20; n++) {
      await pass(PULSE.doubtMs - 1000);
      pulse.beat();
    }
    expect(doubts).toBe(0);
  });

  it('doubts at once on waking, by the clock on the wall, however long it was heard before', async () => {
    await pass(3000);
    pulse.beat();
    jest.setSystemTime(Date.now() + 600_000);
    await pass(PULSE.tickMs);
    expect(doubts).toBe(1);
  });

  it('doubts also where the clock was set back', async () => {
    jest.setSystemTime(Date.now() - 3 * 3_600_000);
    await pass(PULSE.doubtMs + 2 * PULSE.tickMs);
    expect(doubts).toBe(1);
  });

  it('has one doubt at a time, and the next where it stays silent', async () => {
    await pass(60_000);
    expect(doubts).toBe(1);
    settle();
    await pass(2 * PULSE.tickMs);
    expect(doubts).toBe(2);
  });
});

describe('the wait before another attempt', () => {
  it('ends on waking, and begins anew', async () => {
    const signal = new AbortController();
    const attempts = backOff(signal.signal);
    const made: number[] = [];
    const read = (async () => {
      for await (const attempt of attempts) made.push(attempt);
    })();
    await pass(10 * 60_000);
    const before = made.length;
    expect(before).toBeGreaterThan(8);
    jest.setSystemTime(Date.now() + 600_000);
    await pass(2_000);
    expect(made.length).toBeGreaterThan(before);
    expect(made[before]).toBe(0);
    signal.abort();
    await read;
  });
});
