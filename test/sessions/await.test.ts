import { describe, expect, it } from '@jest/globals';
import type { Progress } from '../../core/progress.ts';
import { until } from '../../sessions/await.ts';
import { clock } from '../../sessions/words.ts';
import { session } from './example.ts';
import { jobOf, type Moment, START, worldOf } from './world.ts';

const queued = { ...session, phase: 'queued' as const };
const signal = new AbortController().signal;
const ready = { ready: true, idleSince: 5, busyKernels: 0 };
const notYet = { ...ready, ready: false };
const times = (count: number, moment: Moment) => Array.from({ length: count }, () => moment);

async function arrive(moments: readonly Moment[], wanted: 'running' | 'ready' = 'ready', more = {}, maxWait?: number) {
  const faked = worldOf(moments, more);
  if (maxWait !== undefined) faked.world.maxWaitSeconds = maxWait;
  const told: Progress[] = [];
  const result = await until(wanted, faked.cluster, queued, faked.world, (event) => told.push(event), signal).then(
    (arrived) => ({ session: arrived.session, error: undefined }),
    (error: unknown) => ({ session: undefined, error }),
  );
  const words = [...new Set(told.map((event) => ('text' in event ? event.text : undefined)))];
  return { ...faked, ...result, words };
}

describe('waiting for a job', () => {
  it('goes from the queue to the node to an app that answers, each told once it is so', async () => {
    const {
      session: arrived,
      words,
      watched,
    } = await arrive([
      { job: jobOf('pending', { reason: 'others go first', startsAt: START / 1000 + 9000 }) },
      { job: jobOf('running') },
      { job: jobOf('running'), address: true },
      { job: jobOf('running'), address: true, agent: notYet },
      { job: jobOf('running'), address: true, agent: ready },
    ]);
    expect(arrived).toMatchObject({ phase: 'ready', address: { host: 'c2', port: 40_000 } });
    expect(words).toEqual([
      expect.stringMatching(/^waiting: others go first · likely start \d\d:\d\d \(in 2 h 30 min\)$/),
      'the node prepares the work directory and the app',
      'the app is starting',
    ]);
    expect(watched()).toBe(false);
  });

  it('needs no word of the scheduler where the address file is there', async () => {
    const { session: arrived } = await arrive([{}, { address: true, agent: ready }]);
    expect(arrived?.phase).toBe('ready');
  });

  it('goes on with what the job asks for once a person has changed it, and keeps that', async () => {
    const request = { ...session.request, seconds: 900 };
    const moments: Moment[] = [{ job: jobOf('pending') }, { job: jobOf('pending') }, { job: jobOf('running') }];
    const { world, cluster, kept } = worldOf(moments);
    const arrived = await until('running', cluster, queued, { ...world, reshaped: () => request }, () => {}, signal);
    expect([arrived.session.request, kept.map((each) => each.request)]).toEqual([request, [request]]);
  });

  it('may end at the node already', async () => {
    const { session: arrived } = await arrive([{ job: jobOf('running') }], 'running');
    expect(arrived?.phase).toBe('starting');
  });

  it.each<[string, Moment]>([
    ['the scheduler', { job: 'unreachable' }],
    ['the agent', { job: jobOf('running'), address: true, agent: 'unreachable' }],
    ['the link', { link: 'lost' }],
    ['a link that gave up', { link: 'thrown' }],
  ])('is not ended by the silence of %s', async (_, silent) => {
    const { session: arrived, looks } = await arrive([...times(300, silent), { address: true, agent: ready }]);
    expect(arrived?.phase).toBe('ready');
    expect(looks()).toBe(300);
  });

  it('says that the scheduler is silent', async () => {
    const { words } = await arrive([{ job: 'unreachable' }, { address: true, agent: ready }]);
    expect(words).toEqual(['the scheduler does not answer at the moment; still waiting']);
  });

  it('says since when the scheduler does not know the job, and until when that is waited for', async () => {
    const { words, session: arrived } = await arrive([{ job: 'missing' }, { address: true, agent: ready }]);
    expect(words).toEqual([
      expect.stringMatching(
        /^the scheduler does not know the job since \d\d:\d\d; waiting until \d\d:\d\d before it counts as lost$/,
      ),
    ]);
    expect(arrived?.phase).toBe('ready');
  });

  it('looks often while an answer is near and rarely in a long queue', async () => {
    const near = await arrive([...times(10, { job: jobOf('running') }), { address: true, agent: ready }]);
    expect(near.elapsed()).toBeLessThanOrEqual(4_000);
    const hour = await arrive([...times(400, { job: jobOf('pending') }), { address: true, agent: ready }]);
    expect(hour.elapsed()).toBeGreaterThan(3_600_000);
  });

  it('ends with a cancelled job and that reason where a wait has a limit, asked again of a silent scheduler (F-28)', async () => {
    const pending = { job: jobOf('pending') };
    const { error, asked, elapsed, kept } = await arrive(
      [
        ...times(60, pending),
        ...times(60, { ...pending, refusesCancel: true }),
        pending,
        { job: jobOf('ended', { end: 'cancelled' }) },
      ],
      'ready',
      {},
      60,
    );
    expect(error).toMatchObject({ code: 'E-MAX-WAIT', message: expect.stringContaining('not begun after 1 min') });
    expect(elapsed()).toBeGreaterThan(60_000);
    expect(asked.filter((command) => command === 'cancel').length).toBeGreaterThan(4);
    expect(kept.at(-1)).toMatchObject({ phase: 'ended', ended: { why: 'cancelled' } });
  });

  it('never cancels a job that has begun in time', async () => {
    const late = times(400, { job: jobOf('running') });
    const { session: arrived, asked } = await arrive([...late, { address: true, agent: ready }], 'ready', {}, 10);
    expect(arrived?.phase).toBe('ready');
    expect(asked).not.toContain('cancel');
  });

  it('ends with the caller’s signal, and watches nothing afterwards', async () => {
    const controller = new AbortController();
    const { world, cluster, watched } = worldOf([{ job: jobOf('pending') }]);
    const waiting = until('ready', cluster, queued, world, () => controller.abort(), controller.signal);
    await expect(waiting).rejects.toThrow(/abort/i);
    expect(watched()).toBe(false);
  });
});

describe('a job that ends before its app answers', () => {
  it.each<[string, Moment, string, RegExp, RegExp | undefined]>([
    [
      'for its memory, with what was asked and the flag to raise',
      { end: { why: 'out-of-memory', detail: 'used 8.0 GB' } },
      'E-JOB-MEMORY',
      /it asked for 8 GB \(used 8\.0 GB\)/,
      /--mem 16GB/,
    ],
    [
      'for its memory by the scheduler’s word',
      { job: jobOf('ended', { end: 'out-of-memory' }) },
      'E-JOB-MEMORY',
      /8 GB/,
      /--mem/,
    ],
    [
      'for its app',
      { end: { why: 'app-failed' } },
      'E-APP',
      /job 48213 ended before the app was ready: failed: the app ended/,
      undefined,
    ],
    ['for its walltime', { job: jobOf('ended', { end: 'timeout' }) }, 'E-JOB-FAILED', /walltime over/, undefined],
    [
      'by someone at the scheduler',
      { job: jobOf('ended', { end: 'cancelled' }) },
      'E-JOB-FAILED',
      /cancelled at the scheduler/,
      undefined,
    ],
    ['without a trace', { job: 'absent' }, 'E-JOB-FAILED', /lost: the job is gone/, undefined],
  ])('%s', async (_, moment, code, message, hint) => {
    const { error, kept } = await arrive([{ job: jobOf('pending') }, moment], 'ready', {
      logs: { 'agent.log': 'first\n\u001b[31mlast\u001b[0m\n', 'job.log': 'other' },
    });
    expect(error).toMatchObject({ code, log: `hpcbinder logs ${session.id}`, evidence: ['first', 'last'] });
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
    // where the work is, is said once for every job that is over: leftBehind of cli/aftermath.ts
    expect(error).toMatchObject({ hint: hint === undefined ? undefined : expect.stringMatching(hint) });
    expect(kept[kept.length - 1]?.phase).toBe('ended');
  });

  it('shows what PBS itself said of it where nothing of ours ever ran', async () => {
    const { error } = await arrive([{ job: jobOf('pending') }, { job: jobOf('ended', { end: 'refused' }) }], 'ready', {
      logs: { 'pbs.log': 'prologue: the scratch disk is full\n' },
    });
    expect(error).toMatchObject({ code: 'E-JOB-FAILED', evidence: ['prologue: the scratch disk is full'] });
  });

  it('is told by the agent’s own words before the scheduler’s', async () => {
    const { kept } = await arrive([{ job: jobOf('ended', { end: 'failed' }), end: { why: 'idle' } }]);
    expect(kept[0]?.ended?.why).toBe('idle');
  });

  it('is told by accounting where the scheduler has forgotten it', async () => {
    const { kept } = await arrive([{ job: 'absent' }], 'ready', { final: jobOf('ended', { end: 'node-failed' }) });
    expect(kept[0]?.ended?.why).toBe('node-failed');
  });
});

it('a time of another day has its date', () => {
  const now = new Date(2026, 10, 23, 12, 0);
  expect(clock(new Date(2026, 10, 23, 14, 32), now)).toBe('14:32');
  expect(clock(new Date(2026, 10, 24, 9, 5), now)).toMatch(/Tue,? 24 Nov 09:05/);
});
