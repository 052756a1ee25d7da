import { describe, expect, it } from '@jest/globals';
import { cancelJob } from '../../jobs/cancel.ts';
import { submitOnce } from '../../jobs/submit.ts';
import { FakeCluster, JumpingClock, spec } from './fakes.ts';

const count = (cluster: FakeCluster, what: string) => cluster.asked.filter((one) => one === what).length;

function submitting(cluster: FakeCluster, signal?: AbortSignal) {
  const clock = new JumpingClock();
  const options = { owner: 2001, clock, ...(signal ? { signal } : {}) };
  const answer = submitOnce(cluster, cluster.scheduler, spec, '/s/job.sh', options).then(
    (id) => ({ id }),
    (error) => ({ code: error.code, transient: error.transient }),
  );
  return { clock, answer };
}

describe('a submit', () => {
  it('whose answer arrives is one command', async () => {
    const cluster = new FakeCluster();
    expect(await submitting(cluster).answer).toEqual({ id: '100' });
    expect(cluster.asked).toEqual(['submit']);
  });

  it('whose answer is lost finds its job by name, and is not repeated', async () => {
    const cluster = new FakeCluster();
    cluster.lose = 'accepted';
    const { clock, answer } = submitting(cluster);
    await clock.pass(2000);
    expect(await answer).toEqual({ id: '100' });
    expect(cluster.asked).toEqual(['submit', 'find']);
  });

  it('that the scheduler never got is repeated once, and only after its time-out has passed', async () => {
    const cluster = new FakeCluster();
    cluster.lose = 'dropped';
    const { clock, answer } = submitting(cluster);
    await clock.pass(55_000);
    expect(count(cluster, 'submit')).toBe(1);
    cluster.lose = undefined;
    await clock.pass(20_000);
    expect(await answer).toEqual({ id: '100' });
    expect(count(cluster, 'submit')).toBe(2);
  });

  it('stays unknown, and is never repeated blindly, while the scheduler is silent', async () => {
    const cluster = new FakeCluster();
    cluster.down = true;
    const { clock, answer } = submitting(cluster);
    await clock.pass(300_000);
    expect(await answer).toEqual({ code: 'E-SCHEDULER-DOWN', transient: true });
    expect(count(cluster, 'submit')).toBe(1);
    expect(clock.sleeping).toBe(0);
  });

  it('is as unknown when the connection broke under it', async () => {
    const cluster = new FakeCluster();
    const run = cluster.run;
    cluster.run = async (command) => {
      cluster.run = run;
      await run(command);
      cluster.names.set(spec.tag, '55');
      throw new Error('read ECONNRESET');
    };
    const { clock, answer } = submitting(cluster);
    await clock.pass(2000);
    expect(await answer).toEqual({ id: '55' });
  });

  it('that is lost twice ends as unknown', async () => {
    const cluster = new FakeCluster();
    cluster.lose = 'dropped';
    const { clock, answer } = submitting(cluster);
    await clock.pass(300_000);
    expect(await answer).toEqual({ code: 'E-SUBMIT-UNKNOWN', transient: true });
    expect(count(cluster, 'submit')).toBe(2);
  });

  it('ends at once when the user gives up', async () => {
    const cluster = new FakeCluster();
    cluster.lose = 'dropped';
    const stop = new AbortController();
    const { clock, answer } = submitting(cluster, stop.signal);
    await clock.pass(5000);
    stop.abort();
    expect(await answer).toMatchObject({ code: 'E-CANCELLED' });
    expect(clock.sleeping).toBe(0);
  });
});

describe('a cancel', () => {
  it('is asked again while the scheduler is silent', async () => {
    const cluster = new FakeCluster();
    const clock = new JumpingClock();
    cluster.queue.set('7', { state: 'running', raw: 'RUNNING', nodes: ['c1'] });
    cluster.down = true;
    const done = cancelJob(cluster, cluster.scheduler, { id: '7', tag: 'hb-abcdefghij' }, { clock });
    await clock.pass(1500);
    cluster.down = false;
    await clock.pass(5000);
    expect(await done).toBe('cancelled');
    expect(count(cluster, 'cancel')).toBe(3);
  });
});
