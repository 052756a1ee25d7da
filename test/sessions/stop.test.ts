import { describe, expect, it } from '@jest/globals';
import type { Cluster } from '../../core/cluster.ts';
import type { Command, CommandResult } from '../../core/command.ts';
import type { JobStatus } from '../../core/scheduler.ts';
import { Poller } from '../../jobs/poller.ts';
import type { SessionRecord } from '../../sessions/records.ts';
import { type Stopped, stopSession } from '../../sessions/stop.ts';
import { FakeCluster, JumpingClock } from '../jobs/fakes.ts';
import { session } from './example.ts';

const JOB = '48213';
const status = (state: JobStatus['state'], more: Partial<JobStatus> = {}): JobStatus => ({
  state,
  raw: state.toUpperCase(),
  nodes: ['c1'],
  ...more,
});
const ready = { ...session, phase: 'ready' as const, address: { host: 'c1', port: 40_000 } };
const ended = status('ended', { end: 'completed' });

/** A queue in memory, an agent that answers or not; `at` changes the world so many seconds after the stop began. */
class Site {
  readonly fake = new FakeCluster();
  readonly clock = new JumpingClock();
  readonly said: string[] = [];
  readonly told: string[] = [];
  end = false;
  agent = true;
  /** the job ignores a cancel */
  stubborn = false;

  constructor(job: JobStatus | undefined = status('running')) {
    if (job) this.fake.queue.set(JOB, job);
  }

  #run = async (command: Command): Promise<CommandResult> => {
    const result = await this.fake.run(command);
    if (!command.argv.includes('look')) return result;
    const end = this.end ? JSON.stringify({ schema: 1, why: 'stopped', at: 1_800_000_000 }) : '';
    return { ...result, stdout: new TextEncoder().encode(`\u001e${end}\u001e\u001e`) };
  };

  stop(record: SessionRecord = ready): Promise<Stopped> {
    const { fake, clock } = this;
    const cancel: typeof fake.scheduler.cancel = (job) => {
      const before = fake.queue.get(job.id);
      const question = fake.scheduler.cancel(job);
      const parse: typeof question.parse = (result) => {
        const answer = question.parse(result);
        if (this.stubborn && before) fake.queue.set(job.id, before);
        return answer;
      };
      return { ...question, parse };
    };
    const scheduler = { ...fake.scheduler, cancel };
    const profile = { uid: 2001, host: 'hpc', python: '/usr/bin/python3' };
    const cluster = { profile, transport: { run: this.#run }, scheduler } as unknown as Cluster;
    const poller = new Poller(cluster.transport, scheduler, { owner: 2001, clock });
    return stopSession(cluster, record, {
      clock,
      watchJob: (id, on) => poller.watch(id, on, () => 'ending'),
      on: (text) => void this.said.push(text),
      tellAgent: async ({ id }) => {
        if (!this.agent) throw new Error('no answer');
        this.told.push(id);
      },
    }).finally(() => poller.close());
  }

  /** Time passes until the stop has returned. */
  async until(stopping: Promise<Stopped>, at: Readonly<Record<number, () => void>> = {}) {
    const began = this.clock.now();
    let result: Stopped | undefined;
    let failed: unknown;
    stopping.then(
      (value) => {
        result = value;
      },
      (error) => {
        failed = error;
      },
    );
    for (let second = 0; second < 200 && result === undefined && failed === undefined; second++) {
      at[second]?.();
      await this.clock.pass(1000);
    }
    if (failed !== undefined) throw failed;
    const asked = (what: string) => this.fake.asked.filter((one) => one === what).length;
    return { ...(result as Stopped), seconds: (this.clock.now() - began) / 1000, asked };
  }
}

describe('a stop', () => {
  it('is over when the job is, not when its agent has said so', async () => {
    const site = new Site();
    const end = await site.until(site.stop(), {
      1: () => {
        site.end = true;
      },
      4: () => site.fake.queue.set(JOB, status('completing')),
      9: () => site.fake.queue.set(JOB, ended),
    });
    expect(end).toMatchObject({ job: 'over', record: { phase: 'ended', ended: { why: 'stopped' }, job: ended } });
    expect(end.seconds).toBeGreaterThanOrEqual(9);
    expect(end.asked('status')).toBeLessThanOrEqual(3);
    expect(end.asked('cancel')).toBe(0);
    expect(site.told).toEqual([ready.id]);
    expect(site.said).toContain('job 48213 is completing on c1');
  });

  it('asks the scheduler where the agent does not answer', async () => {
    const site = new Site();
    site.agent = false;
    const end = await site.until(site.stop());
    expect(end).toMatchObject({ job: 'over', record: { phase: 'ended', ended: { why: 'stopped' } } });
    expect(end.asked('cancel')).toBe(1);
  });

  it('of a job that waits in the queue cancels it', async () => {
    const site = new Site(status('pending', { nodes: [] }));
    site.agent = false;
    const { address: _, ...queued } = { ...ready, phase: 'queued' as const };
    const end = await site.until(site.stop(queued));
    expect(end).toMatchObject({ job: 'over', record: { ended: { why: 'stopped' } } });
    expect(end.seconds).toBeLessThanOrEqual(5);
  });

  it('asks the scheduler too where the agent has said yes and the job goes on', async () => {
    const site = new Site();
    const end = await site.until(site.stop());
    expect(end).toMatchObject({ job: 'over' });
    expect(end.asked('cancel')).toBe(1);
    expect(end.seconds).toBeGreaterThanOrEqual(20);
  });

  it.each<[JobStatus['state'], Stopped['job'], number]>([
    ['completing', 'completing', 30],
    ['running', 'running', 70],
  ])('F-27: of a job that stays %s says so when its time is up', async (state, job, seconds) => {
    const site = new Site(status(state));
    site.stubborn = true;
    site.end = true;
    const end = await site.until(site.stop());
    expect(end).toMatchObject({ job, record: { phase: 'ended', ended: { why: 'stopped' }, job: { state } } });
    expect(end.seconds).toBeLessThanOrEqual(seconds);
    expect(end.asked('status')).toBeLessThanOrEqual(15);
  });

  it('keeps the session where its job goes on and nothing says that it has ended', async () => {
    const site = new Site();
    site.stubborn = true;
    expect(await site.until(site.stop())).toMatchObject({ job: 'running', record: { phase: 'ready' } });
  });

  it('of a session whose agent ended it waits for its job, and tells nobody twice', async () => {
    const site = new Site(status('completing'));
    const over = { ...ready, phase: 'ended' as const, ended: { why: 'idle' as const, at: '2026-11-23T12:00:00Z' } };
    const end = await site.until(site.stop(over), { 6: () => site.fake.queue.set(JOB, ended) });
    expect(end).toMatchObject({ job: 'over', record: { ended: { why: 'idle' } } });
    expect(site.told).toEqual([]);
    expect(end.asked('cancel')).toBe(0);
  });

  it('a second time asks nobody', async () => {
    const site = new Site();
    const first = await site.until(site.stop(), { 1: () => site.fake.queue.set(JOB, ended) });
    const before = site.fake.asked.length;
    const { record } = first;
    expect(await site.until(site.stop(record))).toMatchObject({ job: 'over', record });
    expect(site.fake.asked).toHaveLength(before);
  });

  it('of a job that the scheduler has forgotten is over: its own word on the cancel, and not in the queue', async () => {
    const site = new Site();
    site.fake.queue.clear();
    site.agent = false;
    expect(await site.until(site.stop())).toMatchObject({ job: 'over', record: { ended: { why: 'lost' } } });
  });

  it('is over at once when its job is gone from the list, where no history is kept of jobs that are over', async () => {
    const site = new Site();
    const end = await site.until(site.stop(), {
      2: () => {
        site.end = true;
        site.fake.queue.clear();
      },
    });
    expect(end).toMatchObject({ job: 'over', record: { ended: { why: 'stopped' } } });
    expect(end.seconds).toBeLessThan(15);
    expect([site.told, end.asked('cancel')]).toEqual([[ready.id], 1]);
  });

  it('with a scheduler that does not answer claims nothing', async () => {
    const site = new Site();
    site.end = true;
    const end = await site.until(site.stop(), {
      0: () => {
        site.fake.down = true;
      },
    });
    expect(end).toMatchObject({ job: 'silent', record: { phase: 'ended', ended: { why: 'stopped' } } });
  });

  it('fails where nobody could be told', async () => {
    const site = new Site();
    site.agent = false;
    site.fake.down = true;
    await expect(site.until(site.stop())).rejects.toMatchObject({ code: 'E-SCHEDULER-DOWN' });
  });

  it('finds the job whose submit was never answered, by its name', async () => {
    const site = new Site(status('pending', { nodes: [] }));
    site.agent = false;
    site.fake.names.set(session.id, JOB);
    const { jobId: _, ...submitting } = session;
    expect(await site.until(site.stop(submitting))).toMatchObject({ job: 'over', record: { jobId: JOB } });
    site.fake.names.clear();
    expect(await site.until(site.stop(submitting))).toMatchObject({ job: 'over', record: { phase: 'ended' } });
  });
});
