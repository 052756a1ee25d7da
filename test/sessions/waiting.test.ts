import { describe, expect, it } from '@jest/globals';
import type { Cluster } from '../../core/cluster.ts';
import { ok, refused } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { JobStatus } from '../../core/scheduler.ts';
import { slurm } from '../../schedulers/slurm/index.ts';
import { jobStatus } from '../../schedulers/slurm/queue.ts';
import {
  away,
  changeFor,
  neverStarts,
  positionOf,
  queueInWords,
  startInWords,
  waitingRows,
} from '../../sessions/waiting.ts';
import { result, valueIn } from '../schedulers/slurm/recordings.ts';
import { partition, session } from './example.ts';

const NOW = new Date('2026-11-23T12:00:00');
const seconds = NOW.getTime() / 1000;
const waits = (reason: string, start?: number): JobStatus =>
  jobStatus('PENDING', '', start === undefined ? 'N/A' : String(seconds + start), 'N/A', reason);

describe('a waiting job', () => {
  it.each([
    ['Priority', undefined, 'waiting: jobs of higher priority are ahead'],
    ['Priority', 9000, 'waiting: jobs of higher priority are ahead · likely start 14:30 (in 2 h 30 min)'],
    ['Resources', 20, 'waiting: next in line, as soon as nodes become free · likely start 12:00'],
    ['Priority', -60, 'waiting: jobs of higher priority are ahead'],
    ['JobHeldAdmin', 9000, 'waiting: it is held by an administrator · never starts as it is'],
  ])('for %s with a start in %s s is one line', (reason, start, text) => {
    expect(queueInWords(waits(reason, start), NOW).text).toBe(text);
  });

  it('tells a program why, and when in epoch seconds', () => {
    expect(queueInWords(waits('Priority', 9000), NOW)).toMatchObject({
      waiting: { mends: 'nobody', starts: 'yes' },
      startsAt: seconds + 9000,
    });
  });

  it('has a start with its date where that is half a day away or more', () => {
    expect(startInWords(waits('Priority', 14 * 3600), NOW)).toBe('likely start Tue 24 Nov 02:00 (in 14 h)');
    expect(startInWords(waits('Priority', 11.9 * 3600), NOW)).toBe('likely start 23:54 (in 12 h)');
  });

  it.each([
    [59, 'now'],
    [61, 'in 2 min'],
    [3599, 'in 1 h'],
    [2.4 * 3600, 'in 2 h 30 min'],
    [30 * 3600, 'in 1 d 6 h'],
  ])('%d s away is told as exactly as an estimate deserves: %s', (left, words) => expect(away(left)).toBe(words));

  it('that never starts names the smallest change, with the figure where the limit is known', () => {
    const job = waits('PartitionTimeLimit');
    const partitions = [partition({ name: 'gpu', maxSeconds: 5400 })];
    expect(neverStarts({ partitions }, { ...session, job })).toBe(
      'job 48213 never starts as it is: its walltime is over the limit of the partition; what would let it start: --time 90m (end it: hpcbinder stop k3f9)',
    );
    expect(neverStarts({ partitions: [] }, { ...session, job })).toContain('a shorter --time');
    expect(neverStarts({ partitions }, { ...session, job: waits('Priority') })).toBeUndefined();
    const other = waits('QOSMaxCpuPerJobLimit').waiting;
    expect(other && changeFor(other, session.request, partitions)).toBe('less --cpus, or another --account or --qos');
  });

  it('has rows of status: why, since when, who can mend it, and the likely start', () => {
    const queued = {
      createdAt: new Date(NOW.getTime() - 720_000).toISOString(),
      job: waits('QOSMaxGRESPerUser', 7200),
    };
    expect(waitingRows(queued, NOW)).toEqual([
      ['waits', 'you already use as much as you may: GPUs, since 12 min'],
      ['', 'sooner: end another job of yours, or less --gpus'],
      ['likely', '14:00 (in 2 h)'],
    ]);
    expect(waitingRows({ createdAt: queued.createdAt }, NOW)).toEqual([]);
  });
});

describe('its place in the queue', () => {
  const place = (ids: string) =>
    valueIn(slurm.position?.({ id: '12', tag: session.id }, 'gpu').parse(result(0, ids)) ?? ok(undefined));
  it('is counted in the order that the scheduler gives, and in nothing but numbers', () => {
    expect(slurm.position?.({ id: '12', tag: session.id }, 'gpu').command.argv).toContain('%A');
    expect(place('7\n9\n12\n15\n')).toEqual({ ahead: 2, waiting: 4 });
    expect(place('7\n9\n')).toBeUndefined();
    expect(place('12|x\n12_1\n7\n')).toBeUndefined();
  });

  it.each([
    [ok({ ahead: 0, waiting: 1 }), 'the only one that waits in partition gpu'],
    [ok({ ahead: 0, waiting: 3 }), 'the first of 3 that wait in partition gpu'],
    [ok({ ahead: 1, waiting: 3 }), '1 of the 3 that wait in partition gpu is ahead'],
    [ok(undefined), 'it does not wait any more'],
    [refused(new HpcbinderError('E-SCHEDULER', { message: 'no' })), 'the scheduler does not tell'],
  ])('is told in words: %#', async (answer, words) => {
    const transport = { run: async () => ({}) };
    const scheduler = { position: () => ({ command: { argv: ['squeue'] }, parse: () => answer }) };
    expect((await positionOf({ transport, scheduler } as unknown as Cluster, session)).words).toBe(words);
  });

  it('is not known where the scheduler shows no order', async () => {
    const { words } = await positionOf({ scheduler: {} } as unknown as Cluster, session);
    expect(words).toBe('this scheduler shows no order of its queue');
  });
});
