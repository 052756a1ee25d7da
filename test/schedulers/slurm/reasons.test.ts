/** Every reason by which Slurm lets a job wait, held against the list of the manual (test/fixtures/slurm/reasons.json). */
import { describe, expect, it } from '@jest/globals';
import { mendedBy } from '../../../core/waiting.ts';
import { limitReached } from '../../../schedulers/slurm/limits.ts';
import { reasonInWords } from '../../../schedulers/slurm/reasons.ts';
import { fixture } from './recordings.ts';

const { manual, others } = fixture<{ manual: string[]; others: string[] }>('reasons');
const all = [...manual, ...others];

describe('why a job waits', () => {
  it('is in the table for every reason of the manual, and for those that the programs print beside them', () => {
    expect(manual.length).toBeGreaterThan(190);
    expect(all.filter((name) => reasonInWords(name).mends === 'unknown')).toEqual([]);
  });

  it('is a short sentence without a full stop, and names no reason of Slurm', () => {
    for (const name of all) {
      const { means } = reasonInWords(name);
      expect(means).toMatch(/^[a-z]/);
      expect(means).not.toMatch(/[.!]$/);
      expect(means.length).toBeLessThan(90);
      if (/[A-Z].*[A-Z]/.test(name)) expect(means).not.toContain(name);
    }
  });

  it('names a change wherever the job as it is never starts and the user can mend it', () => {
    const hopeless = all.map(reasonInWords).filter(({ starts, mends }) => starts === 'no' && mends === 'you');
    expect(hopeless.length).toBeGreaterThan(50);
    expect(hopeless.filter(({ change }) => change === undefined)).toEqual([]);
  });

  it('claims nothing of a reason that it does not know', () => {
    for (const word of ['Frobnicated', 'constructor', '__proto__', 'QOSMaxFooPerUser', 'AssocGrp', 'MaxCpuPerMoon'])
      expect(reasonInWords(word)).toEqual({ means: `Slurm says "${word}"`, mends: 'unknown', starts: 'perhaps' });
  });

  it.each([
    ['Priority', { mends: 'nobody', starts: 'yes' }],
    ['', { mends: 'nobody', starts: 'yes' }],
    ['(Priority)', { mends: 'nobody', starts: 'yes' }],
    ['PartitionTimeLimit', { mends: 'you', starts: 'no', lever: '--time' }],
    ['QOSMaxWallDurationPerJobLimit', { mends: 'you', starts: 'no', lever: '--time' }],
    ['QOSMaxGRESPerUser', { mends: 'you', starts: 'perhaps', lever: '--gpus' }],
    ['QOSMinGRES', { mends: 'you', starts: 'no', change: 'more --gpus, or another --qos' }],
    ['AssocGrpCPUMinutesLimit', { mends: 'admin', starts: 'perhaps' }],
    ['AssocGrpCpuLimit', { mends: 'nobody', starts: 'perhaps', lever: '--cpus' }],
    ['JobHeldAdmin', { mends: 'admin', starts: 'no' }],
    ['ReqNodeNotAvail, UnavailableNodes:c1', { mends: 'admin', starts: 'perhaps' }],
    ['ReqNodeNotAvail, May be reserved for other job', { mends: 'admin', starts: 'perhaps' }],
    ['Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions', { mends: 'admin' }],
    [
      "Job's account not permitted to use this partition (gpu allows chem not lab)",
      { mends: 'you', lever: '--account' },
    ],
    ['launch failed requeued held', { mends: 'admin', starts: 'no' }],
  ])('tells of %j who can mend it and whether it can start', (reason, words) => {
    expect(reasonInWords(reason)).toMatchObject(words);
  });

  it('puts limits together of whose, what and how, and takes no other word for one', () => {
    expect(limitReached('AssocGrpGRES')?.means).toBe('jobs of your group already use as much as they may: GPUs');
    expect(limitReached('QOSMaxCpuMinutesPerJobLimit')?.change).toBe('a shorter --time, or less --cpus');
    expect(limitReached('Priority')).toBeUndefined();
    expect(limitReached('xQOSGrpBB')).toBeUndefined();
  });

  it('is followed by who can mend it, and how', () => {
    expect(mendedBy(reasonInWords('Priority'))).toBe('it starts by itself');
    expect(mendedBy(reasonInWords('PartitionTimeLimit'))).toBe('it never starts as it is · change: a shorter --time');
    expect(mendedBy(reasonInWords('JobHeldAdmin'))).toBe(
      'it never starts as it is · only an administrator can mend it',
    );
    expect(mendedBy(reasonInWords('QOSMaxGRESPerUser'))).toBe('sooner: end another job of yours, or less --gpus');
    expect(mendedBy(reasonInWords('Frobnicated'))).toBe('');
  });
});
