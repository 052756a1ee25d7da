import { describe, expect, it } from '@jest/globals';
import type { JobRef } from '../../../core/scheduler.ts';
import { megabytes } from '../../../schedulers/pbs/offers.ts';
import { answered, parsedAs, recorded, recording, result, scheduler, spec, UNKNOWN, valueIn } from './recordings.ts';

describe('cancelling', () => {
  it.each([
    ['running', 'running', 'cancelled'],
    ['waiting', 'never', 'cancelled'],
    ['held', 'held', 'cancelled'],
    ['over', 'running', 'already-over'],
  ])('a job that is %s', (name, job, end) => {
    expect(valueIn(answered(`cancel-${name}`, scheduler.cancel(recorded(job))))).toBe(end);
  });
  it('a job that nobody knows, or that has another name (F-23)', () => {
    expect(valueIn(answered('cancel-unknown', scheduler.cancel(UNKNOWN)))).toBe('already-over');
    const former: JobRef = { ...recorded('running'), tag: UNKNOWN.tag };
    expect(valueIn(answered('cancel-other-name', scheduler.cancel(former)))).toBe('already-over');
  });
  it.each(['qdel-already-over', 'qdel-unknown', 'qdel-held', 'qdel-ok'])('knows %s of another server', (name) => {
    const end = /held|ok/.test(name) ? 'cancelled' : 'already-over';
    expect(valueIn(parsedAs(name, scheduler.cancel(recorded('running'))))).toBe(end);
  });
  it('is not done while the server is down', () => {
    expect(answered('cancel-down', scheduler.cancel(recorded('running')))).toMatchObject({ why: 'unreachable' });
  });
});

describe('finding a job by its name', () => {
  const find = (tag: string, live: string, ended: string) => {
    const inquiry = scheduler.find(tag, 2001);
    const [a, b] = inquiry.questions;
    if (a === undefined || b === undefined) throw new Error('two questions');
    return inquiry.combine([answered(live, a), answered(ended, b)]);
  };
  const { tag } = spec('ok');

  it('gives the one there is, and none where there is none', () => {
    expect(valueIn(find(tag, 'find-live-some', 'find-ended-some'))).toBe(recorded('running').id);
    expect(valueIn(find(UNKNOWN.tag, 'find-live-none', 'find-ended-none'))).toBeUndefined();
  });
  it('does without a history', () => {
    expect(recording('find-no-history').code).toBe(0);
    expect(valueIn(find(tag, 'find-live-some', 'find-no-history'))).toBe(recorded('running').id);
  });
  it('is not known while the server is down', () => {
    expect(answered('find-down', scheduler.find(tag, 2001).questions[0] as never)).toMatchObject({
      why: 'unreachable',
    });
  });
  it('of two takes the first', () => {
    const [live] = scheduler.find(tag, 2001).questions;
    expect(live?.parse(result(0, '100.login\n99.login\nnot-an-id\n7[].login\n'))).toEqual({
      ok: true,
      value: '99.login',
    });
  });
  it('lists those that are not over', () => {
    const all = valueIn(answered('unfinished', scheduler.unfinished(2001)));
    expect(all.get(spec('ok').tag)).toBe(recorded('running').id);
    expect(all.size).toBe(4);
    expect(valueIn(answered('unfinished-none', scheduler.unfinished(2001))).size).toBe(0);
  });
});

describe('extending', () => {
  it('is not for the owner of a job that runs', () => {
    expect(scheduler.can.extend).toBe(false);
    const asked = scheduler.extend(recorded('running').id, 3600, 4200);
    expect(asked.command.argv).toContain('walltime=01:10:00');
    expect(valueIn(answered('extend-refused', asked))).toBe('not-permitted');
  });
  it('is, of one that waits, and comes too late for one that is over', () => {
    expect(valueIn(answered('extend-waiting', scheduler.extend(recorded('never').id, 3600, 4200)))).toBe('extended');
    expect(valueIn(answered('extend-over', scheduler.extend(recorded('running').id, 3600, 4200)))).toBe('over');
  });
});

describe('what a cluster offers', () => {
  const inquiry = scheduler.offers();
  const heard = ['queues', 'server', 'nodes'].map((name, at) =>
    answered(`offers-${name}`, inquiry.questions[at] as never),
  );

  it('is one entry a queue, with limits, GPUs and what is free', () => {
    const [workq, gpu, closed] = valueIn(inquiry.combine(heard));
    expect(workq).toMatchObject({ name: 'workq', isDefault: true, up: true, nodes: 2, cpusPerNode: 8 });
    expect(workq).toMatchObject({ gpusPerNode: { '': 2 }, allNodesHaveGpus: false });
    // three cores and a GPU are in use
    expect(workq?.free).toEqual({ cpus: 13, memoryMb: expect.any(Number), gpus: { '': 1 } });
    expect(gpu).toMatchObject({ name: 'gpu', isDefault: false, maxSeconds: 7200 });
    expect(closed).toMatchObject({ name: 'closed', up: false });
  });

  it('is told without nodes where they may not be listed', () => {
    const silent = inquiry.questions[2]?.parse(result(1, '', 'pbsnodes: Unauthorized Request'));
    const [workq] = valueIn(inquiry.combine([...heard.slice(0, 2), silent as never]));
    expect(workq).toMatchObject({ name: 'workq', nodes: 0, gpusPerNode: {} });
  });

  it('has the queues that route, and not those that only take what is routed to them', () => {
    const queue = (more: object) => ({ queue_type: 'Execution', enabled: 'True', started: 'True', ...more });
    const Queue = {
      normal: queue({ queue_type: 'Route' }),
      'normal-exec': queue({ from_route_only: 'True' }),
      __proto__x: queue({}),
    };
    const text = JSON.stringify({ pbs_version: '23.06.06', Queue });
    const queues = inquiry.questions[0]?.parse(result(0, text));
    const offered = valueIn(inquiry.combine([queues as never, ...heard.slice(1)]));
    expect(offered.map(({ name, nodes }) => [name, nodes])).toEqual([
      ['normal', 2],
      ['__proto__x', 2],
    ]);
  });

  it('is unknown while the server is down', () => {
    expect(answered('offers-down', inquiry.questions[0] as never)).toMatchObject({ why: 'unreachable' });
  });

  it.each([
    ['24682416kb', 24103],
    ['8gb', 8192],
    ['512mb', 512],
    ['2tb', 2097152],
    ['1048576', 1],
    [undefined, 0],
    ['x', 0],
  ])('reads the memory %j', (words, mb) => expect(megabytes(words)).toBe(mb));
});
