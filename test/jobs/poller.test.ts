import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import type { JobStatus } from '../../core/scheduler.ts';
import { Poller, type Sighting } from '../../jobs/poller.ts';
import { FakeCluster, JumpingClock } from './fakes.ts';

const running: JobStatus = { state: 'running', raw: 'RUNNING', nodes: ['c1'] };
const pending: JobStatus = { state: 'pending', raw: 'PENDING', nodes: [] };
const over: JobStatus = { state: 'ended', raw: 'FAILED', end: 'failed', exitCode: 3, nodes: ['c1'] };
const MINUTE = 60_000;

const ref = (id: string) => ({ id, tag: 'hb-abcdefghij' });

function watching(statuses: Record<string, JobStatus>, how: { live?: boolean; slowdown?: number } = {}) {
  const cluster = new FakeCluster();
  const clock = new JumpingClock();
  for (const [id, status] of Object.entries(statuses)) cluster.queue.set(id, status);
  const poller = new Poller(cluster, cluster.scheduler, { owner: 2001, clock, slowdown: how.slowdown ?? 1 });
  const seen: Sighting[] = [];
  const stops = Object.keys(statuses).map((id) =>
    poller.watch(
      ref(id),
      (sighting) => seen.push(sighting),
      () => (how.live ? 'live' : 'usual'),
    ),
  );
  const asked = (what = 'status') => cluster.asked.filter((one) => one === what).length;
  return { cluster, clock, poller, seen, stops, asked };
}

describe('the poller', () => {
  it('asks as often for a hundred jobs as for one', async () => {
    const one = watching({ 1: pending });
    const hundred = watching(Object.fromEntries(Array.from({ length: 100 }, (_, n) => [n, pending])));
    for (const { clock } of [one, hundred]) await clock.pass(10 * MINUTE);
    expect(hundred.asked()).toBe(one.asked());
    expect(hundred.seen).toHaveLength(100 * one.asked());
  });

  it('asks a waiting job every 5 s for a minute, then 15 s, then each minute', async () => {
    const { clock, asked } = watching({ 1: pending });
    await clock.pass(MINUTE);
    expect(asked()).toBe(12);
    await clock.pass(9 * MINUTE);
    expect(asked()).toBeLessThanOrEqual(12 + 9 * 4 + 1);
    const before = asked();
    await clock.pass(60 * MINUTE);
    expect(asked() - before).toBe(60);
  });

  it('asks once in five minutes of a job whose tunnel lives, and not at first, for the tunnel is an answer', async () => {
    const { clock, asked } = watching({ 1: running }, { live: true });
    await clock.pass(4 * MINUTE);
    expect(asked()).toBe(0);
    await clock.pass(57 * MINUTE);
    expect(asked()).toBe(12);
  });

  it('does not ask again because another part of the launch now watches the same job', async () => {
    const { clock, poller, stops, asked } = watching({ 1: running });
    await clock.pass(3000);
    expect(asked()).toBe(1);
    for (const stop of stops) stop();
    poller.watch(ref('1'), () => undefined);
    await clock.pass(12_000);
    expect(asked()).toBe(1);
    await clock.pass(4000);
    expect(asked()).toBe(2);
  });

  it('goes on as it was for who comes back soon, and begins anew after a while', async () => {
    const { clock, poller, stops, asked } = watching({ 1: pending });
    await clock.pass(60 * MINUTE);
    for (const stop of stops) stop();
    await clock.pass(5 * MINUTE);
    let before = asked();
    const stop = poller.watch(ref('1'), () => undefined);
    await clock.pass(MINUTE);
    expect(asked() - before).toBe(2);
    stop();
    await clock.pass(20 * MINUTE);
    before = asked();
    poller.watch(ref('1'), () => undefined);
    await clock.pass(MINUTE);
    expect(asked() - before).toBe(12);
  });

  it('keeps nothing of who has left', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const { clock, poller } = watching({ 1: running });
    const watched = () => {
      const record = { keys: 'x'.repeat(1000) };
      poller.watch(
        ref('2'),
        () => record,
        () => (record.keys ? 'usual' : 'live'),
      )();
      return new WeakRef(record);
    };
    const record = watched();
    await clock.pass(MINUTE);
    collect();
    expect(record.deref()).toBeUndefined();
  });

  it('is slowed by the site, and never hurried by those who join', async () => {
    const { clock, poller, asked } = watching({ 1: pending }, { slowdown: 3 });
    for (let i = 0; i < 30; i++) {
      poller.watch(ref(`9${i}`), () => undefined);
      await clock.pass(2000);
    }
    expect(asked()).toBeLessThanOrEqual(4);
  });

  it('tells the end once, and asks no more', async () => {
    const { clock, cluster, seen, asked } = watching({ 1: running });
    await clock.pass(5000);
    cluster.queue.set('1', over);
    await clock.pass(60 * MINUTE);
    expect(seen.filter((sighting) => sighting === over)).toHaveLength(1);
    const before = asked();
    await clock.pass(60 * MINUTE);
    expect(asked()).toBe(before);
    expect(clock.sleeping).toBe(0);
  });

  it('takes no silence for an end', async () => {
    const { clock, cluster, seen } = watching({ 1: running });
    cluster.down = true;
    await clock.pass(24 * 60 * MINUTE);
    expect(new Set(seen)).toEqual(new Set(['unreachable']));
    cluster.down = false;
    await clock.pass(2 * MINUTE);
    expect(seen.at(-1)).toBe(running);
  });

  it('believes accounting at once when the queue has forgotten a job', async () => {
    const { clock, cluster, seen } = watching({ 1: running });
    await clock.pass(5000);
    cluster.queue.clear();
    cluster.ended.set('1', over);
    await clock.pass(MINUTE);
    expect(seen.at(-1)).toBe(over);
  });

  it('calls a job absent only when it was missed twice, five minutes apart', async () => {
    const { clock, cluster, seen } = watching({ 1: running });
    await clock.pass(5000);
    cluster.queue.clear();
    await clock.pass(4 * MINUTE);
    expect(seen).not.toContain('absent');
    expect(new Set(seen)).toEqual(new Set([running, 'missing']));
    await clock.pass(2 * MINUTE);
    expect(seen.filter((sighting) => sighting === 'absent')).toHaveLength(1);
  });

  it('forgets a miss when the job is seen again', async () => {
    const { clock, cluster, seen } = watching({ 1: running });
    await clock.pass(5000);
    for (let i = 0; i < 5; i++) {
      cluster.queue.clear();
      await clock.pass(4 * MINUTE);
      cluster.queue.set('1', running);
      await clock.pass(2 * MINUTE);
    }
    expect(seen).not.toContain('absent');
  });

  it('leaves no timer behind when it is closed or nobody watches any more', async () => {
    const closed = watching({ 1: running });
    const left = watching({ 1: running });
    await closed.clock.pass(3000);
    await left.clock.pass(3000);
    closed.poller.close();
    for (const stop of left.stops) stop();
    for (const { clock, asked } of [closed, left]) {
      const before = asked();
      await clock.pass(60 * MINUTE);
      expect([clock.sleeping, asked()]).toEqual([0, before]);
    }
  });
});
