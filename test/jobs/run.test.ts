import { describe, expect, it } from '@jest/globals';
import type { JobEvent } from '../../core/jobs.ts';
import { follower } from '../../jobs/log.ts';
import { jobRunner } from '../../jobs/run.ts';
import { FakeCluster, JumpingClock, spec } from './fakes.ts';

function started() {
  const cluster = new FakeCluster();
  const clock = new JumpingClock();
  const stop = new AbortController();
  const events: JobEvent[] = [];
  const run = jobRunner(cluster, cluster.scheduler, { owner: 2001, script: 'job.sh', clock });
  const outcome = run(spec, (event) => events.push(event), stop.signal).catch((error) => error.code);
  const lines = () => events.flatMap((event) => (event.type === 'log' ? [event.line] : []));
  return { cluster, clock, stop, events, outcome, lines };
}

describe('a job that is run to its end', () => {
  it('tells its log line by line, its states, and how it ended', async () => {
    const { cluster, clock, events, outcome, lines } = started();
    await clock.pass(3000);
    cluster.log = 'one\ntw';
    await clock.pass(3000);
    cluster.log += 'o\nthree';
    cluster.queue.set('100', { state: 'ended', raw: 'FAILED', end: 'failed', nodes: ['c1'] });
    cluster.ended.set('100', { state: 'ended', raw: 'FAILED', end: 'failed', exitCode: 3, nodes: ['c1'] });
    await clock.pass(60_000);
    expect(await outcome).toEqual({ id: '100', status: expect.objectContaining({ end: 'failed', exitCode: 3 }) });
    expect(lines()).toEqual(['one', 'two', 'three']);
    expect(events[0]).toEqual({ type: 'submitted', id: '100' });
    expect(clock.sleeping).toBe(0);
  });

  it('is cancelled when the user gives up', async () => {
    const { cluster, clock, stop, outcome } = started();
    await clock.pass(10_000);
    stop.abort();
    await clock.pass(10_000);
    expect(await outcome).toBe('E-CANCELLED');
    expect(cluster.queue.get('100')?.end).toBe('cancelled');
    expect(clock.sleeping).toBe(0);
  });

  it('goes on while the scheduler is silent, and says since when', async () => {
    const { cluster, clock, stop, events } = started();
    await clock.pass(3000);
    cluster.down = true;
    await clock.pass(3_600_000);
    const silent = events.filter((event) => event.type === 'unreachable');
    expect(silent.length).toBeGreaterThan(10);
    expect(new Set(silent.map((event) => event.type === 'unreachable' && event.since.getTime())).size).toBe(1);
    cluster.down = false;
    stop.abort();
    await clock.pass(60_000);
  });
});

describe('a log', () => {
  it('comes without escapes, redrawn lines by their last state, letters whole across reads', async () => {
    const text = new TextEncoder().encode('\u001b[31mred\u001b[0m\n10 %\r100 %\r\nh\u00e9\nlast');
    const lines: string[] = [];
    let upTo = 0;
    const log = follower(
      {
        read: async (_path, range) =>
          (async function* () {
            yield text.slice(range?.offset, upTo);
          })(),
      },
      '/log',
      (line) => lines.push(line),
    );
    for (; upTo <= text.length; upTo++) await log.read();
    log.flush();
    expect(lines).toEqual(['red', '100 %', 'hé', 'last']);
  });
});
