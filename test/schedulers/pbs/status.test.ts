import { describe, expect, it } from '@jest/globals';
import type { JobRef } from '../../../core/scheduler.ts';
import { epoch, nodesOf, walltimeOf } from '../../../schedulers/pbs/jobs.ts';
import { answered, parsedAs, recorded, recording, result, scheduler, UNKNOWN, valueIn } from './recordings.ts';

const status = (name: string, ...jobs: JobRef[]) => valueIn(answered(`status-${name}`, scheduler.status(jobs, 2001)));
const lastSeen = (job: JobRef) => {
  const question = scheduler.finalStatus(job, 2001).questions[0];
  if (question === undefined) throw new Error('one question');
  return question as ReturnType<typeof scheduler.find>['questions'][0];
};
const final = (name: string, job: JobRef) =>
  valueIn(scheduler.finalStatus(job, 2001).combine([answered(`final-${name}`, lastSeen(job))]));
/** of the shared recordings, whose jobs have their own names */
const other = (name: string, id: string, tag: string) =>
  valueIn(scheduler.finalStatus({ id, tag }, 2001).combine([parsedAs(name, lastSeen({ id, tag }))]));

describe('the state of PBS jobs', () => {
  it('comes for all jobs from one query, with what each waits for', () => {
    const [running, gpu, never, held] = ['running', 'gpu', 'never', 'held'].map(recorded) as [
      JobRef,
      JobRef,
      JobRef,
      JobRef,
    ];
    const seen = status('live', running, gpu, never, held);
    expect(seen.get(running.id)).toMatchObject({ state: 'running', nodes: [expect.stringMatching(/^c[12]$/)] });
    const { startsAt = 0, endsAt = 0 } = seen.get(running.id) ?? {};
    expect([endsAt - startsAt, startsAt > 1.79e9]).toEqual([600, true]);
    expect(seen.get(gpu.id)).toMatchObject({ nodes: ['c2'], restarts: 0 });
    expect(seen.get(never.id)).toMatchObject({ state: 'pending', reason: expect.stringMatching(/^Can Never Run/) });
    expect(seen.get(held.id)).toMatchObject({ state: 'pending', raw: 'H' });
  });

  it('holds those that are known beside one that is not', () => {
    expect([...status('one-unknown', recorded('running'), UNKNOWN).keys()]).toEqual([recorded('running').id]);
    expect(status('unknown', UNKNOWN).size).toBe(0);
  });

  it('does not hold one that is over: exit 35 is an answer', () => {
    expect(recording('status-over').code).toBe(35);
    expect(status('over', recorded('running')).size).toBe(0);
  });

  it('says nothing of a job while the server is down', () => {
    const asked = { ...recorded('running'), id: recorded('running').id.replace('.login', '.c1') };
    expect(answered('status-down', scheduler.status([asked], 2001))).toMatchObject({ ok: false, why: 'unreachable' });
  });

  it.each([
    ['cancelled', { end: 'cancelled', exitCode: 143 }],
    ['unstarted', { end: 'cancelled' }],
    ['never', { end: 'cancelled' }],
    ['exit0', { end: 'completed', exitCode: 0 }],
    ['exit3', { end: 'failed', exitCode: 3 }],
    ['killed9', { end: 'failed', exitCode: 137 }],
    ['timeout', { end: 'timeout' }],
  ])('ends as %s', (name, end) => {
    expect(final(name, recorded(name))).toMatchObject({ state: 'ended', raw: 'F', ...end });
  });

  it('is told of a running job too, and of none that never was', () => {
    expect(final('running', recorded('running'))).toMatchObject({ state: 'running' });
    expect(final('unknown', UNKNOWN)).toBeUndefined();
  });

  it('has no record where the server keeps no history, which it says with exit 0', () => {
    expect(recording('final-no-history').code).toBe(0);
    expect(final('no-history', recorded('running'))).toBeUndefined();
  });

  it.each([
    ['qstat-deleted-running', '11.pbs', 'hpcbinder-demo', { end: 'cancelled', exitCode: 143 }],
    ['qstat-deleted-held', '13.pbs', 'held', { end: 'cancelled', exitCode: undefined }],
    ['qstat-killed9', '24.pbs', 'killed', { end: 'failed', exitCode: 137 }],
    ['qstat-walltime', '26.pbs', 'walltime', { end: 'timeout', exitCode: undefined }],
    ['qstat-never-runnable', '17.pbs', 'odd.name_1', { state: 'pending', reason: expect.stringMatching(/Never Run/) }],
    ['qstat-queued', '', '', { state: 'pending' }],
    ['qstat-held', '', '', { state: 'pending', raw: 'H' }],
    ['qstat-waiting-begin-time', '', '', { state: 'pending', raw: 'W' }],
    ['qstat-dependency', '', '', { state: 'pending', raw: 'H' }],
    ['qstat-running', '', '', { state: 'running', nodes: ['pbs'] }],
    ['qstat-exit3', '', '', { end: 'failed', exitCode: 3 }],
    ['qstat-completed', '', '', { state: 'ended' }],
    ['qstat-one-unknown', '', '', { state: 'running' }],
  ])('of another server: %s', (name, id, tag, end) => {
    const [first = '', job] = jobsOf(name)[0] ?? [];
    const seen = other(name, id || first, tag || (job?.Job_Name ?? ''));
    expect({ end: undefined, exitCode: undefined, reason: undefined, ...seen }).toMatchObject(end);
  });

  it('of several asked for without -E has the first alone, the reason for -E', () => {
    expect(jobsOf('qstat-many').map(([id]) => id)).toEqual(['11.pbs']);
  });

  it.each(['qstat-finished-without-x', 'qstat-unknown'])('counts %s as an answer without the job', (name) => {
    expect(valueIn(parsedAs(name, scheduler.status([{ id: '11.pbs', tag: 'hb-aaaaaaaaaa' }], 2001))).size).toBe(0);
  });
});

it.each([
  [-2, 'refused'],
  [-4, 'node-failed'],
  [-10, 'refused'],
  [-20, 'node-failed'],
  [-24, 'failed'],
  [-27, 'out-of-memory'],
  [-99, 'failed'],
])('an Exit_status of %d is the server’s word: %s', (status, end) => {
  const { stdout } = recording('final-timeout');
  const { id, tag } = recorded('timeout');
  const question = scheduler.finalStatus({ id, tag }, 2001).questions[0];
  const heard = question?.parse(result(0, stdout.replace('"Exit_status":\t-29', `"Exit_status":\t${status}`)));
  expect(heard).toMatchObject({ value: { end } });
  expect(heard).not.toMatchObject({ value: { exitCode: expect.anything() } });
});

describe('a row counts', () => {
  const job = recorded('running');
  const { code, stdout } = recording('final-running');
  const changed = (from: string | RegExp, to: string) =>
    valueIn(scheduler.status([job], 2001).parse(result(code, stdout.replace(from, to)))).get(job.id);

  it('with the number, the name and the owner, and with nothing less (F-23, INJ-10)', () => {
    expect(changed('', '')).toMatchObject({ state: 'running' });
    expect(changed(/alice@/, 'bob@')).toBeUndefined();
    expect(changed(/alice@/, 'alice@evil@')).toBeUndefined();
    expect(changed(job.tag, 'hb-aaaaaaaaaa')).toBeUndefined();
    expect(changed(/"job_state":\t"R"/, '"job_state":"Z"')).toMatchObject({ state: 'unknown', raw: 'Z' });
  });

  it('not for two names with one number', () => {
    const former = { ...job, tag: 'hb-aaaaaaaaaa' };
    expect(valueIn(scheduler.status([job, former], 2001).parse(result(0, stdout))).size).toBe(0);
  });

  it.each(['', '{}', '{"Jobs":{}}', '[]', 'null', '{"pbs_version":"23","Jobs":', '<html>', '{"pbs_version":1}'])(
    'not in what is no answer of PBS: %j says nothing of any job',
    (text) => {
      for (const exit of [0, 35, 153])
        expect(scheduler.status([job], 2001).parse(result(exit, text))).toMatchObject({ why: 'unreachable' });
    },
  );

  it('not in the half of an answer', () => {
    const half = { ...result(0, stdout), truncated: true };
    expect(scheduler.status([job], 2001).parse(half)).toMatchObject({ why: 'unreachable' });
  });
});

describe('small words of PBS', () => {
  it.each([
    ['c1/0*4+c1/1+c2[0]/2', ['c1', 'c2']],
    ['', []],
    ['-oProxyCommand=x/0+c1/0', ['c1']],
  ])('nodes of %j', (words, names) => expect(nodesOf(words)).toEqual(names));

  it.each([
    ['Sun Nov 22 21:00:57 2026', 1795381257],
    ['Mon Nov  2 01:02:03 2026', 1793581323],
    ['UNKNOWN', undefined],
    [undefined, undefined],
  ])('the instant %j', (words, seconds) => expect(epoch(words)).toBe(seconds));

  it.each([
    ['99:00:00', 356400],
    ['05:30', 330],
    ['60', 60],
    ['', undefined],
    ['1:2:3:4', undefined],
  ])('the time %j', (words, seconds) => expect(walltimeOf({ walltime: words })).toBe(seconds));
});

function recordingOf(name: string) {
  return recording(`shared/${name}`);
}

function jobsOf(name: string): [string, { Job_Name: string }][] {
  const { stdout } = recordingOf(name);
  return Object.entries((JSON.parse(stdout) as { Jobs: Record<string, { Job_Name: string }> }).Jobs);
}
