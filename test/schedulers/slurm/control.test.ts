import { describe, expect, it } from '@jest/globals';
import { clockSeconds } from '../../../core/units.ts';
import { gpusOf } from '../../../schedulers/slurm/gres.ts';
import { slurm } from '../../../schedulers/slurm/index.ts';
import { answered, fixture, recorded, recording, result, UNKNOWN, valueIn } from './recordings.ts';

const id = (name: string) => recorded(name).id;

describe('cancelling', () => {
  it.each([
    ['running', 'running', 'cancelled'],
    ['waiting', 'waiting', 'cancelled'],
    ['held', 'held', 'cancelled'],
    ['over', 'running', 'already-over'],
  ])('a job that is %s', (name, job, end) => {
    expect(valueIn(answered(`cancel-${name}`, slurm.cancel(recorded(job))))).toBe(end);
  });
  it('a job that nobody knows', () => {
    expect(valueIn(answered('cancel-unknown', slurm.cancel(UNKNOWN)))).toBe('already-over');
  });
  it('is not done while the controller is down', () => {
    expect(answered('cancel-down', slurm.cancel(recorded('running')))).toMatchObject({ ok: false, why: 'unreachable' });
  });
});

describe('extending', () => {
  it('is for administrators: Slurm refuses the owner', () => {
    expect(slurm.can.extend).toBe(false);
    expect(valueIn(answered('extend-refused', slurm.extend(id('running'), 3600, 7200)))).toBe('not-permitted');
  });
  it('comes too late for a job that has ended', () => {
    expect(valueIn(answered('extend-over', slurm.extend(id('running'), 3600, 7200)))).toBe('over');
  });
});

describe('another shape for a job that waits', () => {
  const before = { partition: 'gpu', cpus: 4, memoryMb: 8192, seconds: 7200, gpus: 2, extra: ['--gres=tape:1'] };
  const asked = (wanted: object) => slurm.reshape?.(recorded('waiting'), 2001, before, { ...before, ...wanted });

  it('is one update by name and owner, of what differs, and of what only a job that waits lets change', () => {
    const words = ['scontrol', 'update', `JobName=${recorded('waiting').tag}`, 'UserID=2001'];
    expect(asked({ seconds: 900 })?.command.argv).toEqual([...words, 'TimeLimit=00:15:00', 'MinCPUsNode=4']);
    expect(asked({ partition: 'debug', gpus: 1 })?.command.argv.slice(6)).toEqual([
      'Partition=debug',
      'Gres=gpu:1,tape:1',
    ]);
    expect(asked({ cpus: 2, memoryMb: 4096 })?.command.argv.slice(5)).toEqual([
      ...['MinCPUsNode=2', 'NumCPUs=2', 'CPUsPerTask=2', 'TresPerTask=cpu=2', 'MinMemoryNode=4096'],
    ]);
    expect(() => asked({ partition: 'a b' })).toThrow(/partition/);
  });

  it.each([
    [0, '', { ok: true, value: 'changed' }],
    // as Slurm 24.11 said
    [1, 'Job is no longer pending execution for job 6', { ok: true, value: 'begun' }],
    [1, "scontrol: error: No jobs with user ID 2001 and name 'hb-0123456780'", { ok: true, value: 'begun' }],
    [1, 'Invalid partition name specified for job 2', { ok: false, why: 'refused', error: { code: 'E-PARTITION' } }],
    [1, 'Access/permission denied for job 2', { ok: false, why: 'refused', error: { code: 'E-SCHEDULER' } }],
    [1, 'slurm_update error: Unable to contact slurm controller', { ok: false, why: 'unreachable' }],
  ])('exit %i, "%s"', (code, said, answer) => {
    expect(asked({ seconds: 900 })?.parse(result(code, '', said))).toMatchObject(answer);
  });
});

describe('what a cluster offers', () => {
  const offers = () => {
    const inquiry = slurm.offers();
    const [sinfo, nodes] = inquiry.questions;
    if (sinfo === undefined || nodes === undefined) throw new Error('two questions');
    return { inquiry, kinds: answered('offers', sinfo), machines: answered('offers-nodes', nodes) };
  };

  it('is one entry a partition, with the smallest of its nodes and every type of GPU', () => {
    const { inquiry, kinds, machines } = offers();
    const [debug, gpu] = valueIn(inquiry.combine([kinds, machines]));
    expect(debug).toMatchObject({ name: 'debug', isDefault: true, up: true, nodes: 2, allNodesHaveGpus: false });
    expect(gpu).toMatchObject({ name: 'gpu', isDefault: false, nodes: 1, allNodesHaveGpus: true, maxSeconds: 14_400 });
    expect(gpu?.gpusPerNode).toEqual({ fake: 2 });
    expect(gpu).toMatchObject({ defaultSeconds: 1800, architectures: ['x86_64'] });
  });

  it('is told without platforms where nodes may not be listed', () => {
    const { inquiry, kinds } = offers();
    const silent = slurm.offers().questions[1]?.parse(result(1, '', 'Access/permission denied'));
    if (silent === undefined) throw new Error('two questions');
    expect(valueIn(inquiry.combine([kinds, silent]))[0]?.architectures).toEqual([]);
  });

  it('is unknown while the controller is down', () => {
    const sinfo = slurm.offers().questions[0];
    for (const { code, stderr } of [
      recording('offers-down'),
      fixture<ReturnType<typeof recording>>('shared/sinfo-controller-down'),
    ]) {
      expect(sinfo?.parse(result(code, '', stderr))).toMatchObject({ why: 'unreachable' });
    }
  });

  it.each([
    ['(null)', {}],
    ['gpu:2', { '': 2 }],
    ['gpu', { '': 1 }],
    ['gpu:a100', { a100: 1 }],
    ['gpu:a100:4(S:0-1),gpu:h100_1g.10gb:7(S:0,2),lscratch:900', { a100: 4, 'h100_1g.10gb': 7 }],
    ['gpu:a100:2(S:0),gpu:a100:2(S:1)', { a100: 4 }],
    ['shard:8', {}],
    ['gpu:__proto__:1', Object.fromEntries([['__proto__', 1]])],
  ])('reads the GPUs of %j', (gres, counts) => expect(gpusOf(gres)).toEqual(counts));

  it.each([
    ['infinite', undefined],
    ['n/a', undefined],
    ['30:00', 1800],
    ['4:00:00', 14_400],
    ['7-00:00:00', 604_800],
  ])('reads the limit %j', (text, seconds) => expect(clockSeconds(text)).toBe(seconds));
});
