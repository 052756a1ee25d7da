import { describe, expect, it } from '@jest/globals';
import { parseDuration, parseMemory } from '../../core/units.ts';
import { decideRequest, requestInWords, type Wishes } from '../../sessions/request.ts';
import { partition } from './example.ts';

const debug = partition();
const gpu = partition({ name: 'gpu', isDefault: false, gpusPerNode: { a100: 2 }, allNodesHaveGpus: true });
const decide = (flags: Wishes, more: { repository?: Wishes; site?: Wishes } = {}) =>
  decideRequest({ flags, repository: more.repository ?? {}, site: more.site ?? {}, partitions: [debug, gpu] });

describe('what is asked of the scheduler', () => {
  it('is 2 h, 2 cores and 4 GB a core on the default partition where nobody says more', () => {
    expect(decide({}).request).toEqual({
      partition: 'debug',
      seconds: 7200,
      cpus: 2,
      memoryMb: 8192,
      gpus: 0,
      extra: [],
    });
  });

  it('gets a GPU on a partition all of whose nodes have some, and says so', () => {
    const { request, notes } = decide({ partition: 'gpu' });
    expect(request.gpus).toBe(1);
    expect(notes.join()).toContain('--gpus 0');
  });

  it('gets none there with --gpus 0', () => {
    expect(decide({ partition: 'gpu', gpus: 0 }).request.gpus).toBe(0);
  });

  it('takes flags before the repository, and the repository before the site', () => {
    const { request } = decide(
      { cpus: 4 },
      { repository: { cpus: 6, seconds: 3600 }, site: { cpus: 1, seconds: 600 } },
    );
    expect(request).toMatchObject({ cpus: 4, seconds: 3600 });
  });

  it('lists what the repository asks beyond what is usual, but not what the user typed', () => {
    expect(decide({}, { repository: { cpus: 8, seconds: 60 } }).beyond).toEqual(['8 cores (usual: 2 cores)']);
    expect(decide({ cpus: 8 }, { repository: { cpus: 8 } }).beyond).toEqual([]);
  });

  it('lowers what it chose itself to the partition’s limit, and says so', () => {
    const { request, notes } = decide({}, { site: { seconds: 86_400 } });
    expect(request.seconds).toBe(4 * 3600);
    expect(notes.join()).toContain('lowered from 1 d to 4 h');
  });

  it.each<[string, Wishes, string, RegExp]>([
    ['an unknown partition, with the nearest', { partition: 'gpuu' }, 'E-PARTITION', /Did you mean gpu\?/],
    ['an unknown GPU type, with those there are', { partition: 'gpu', gpus: 1, gpuType: 'h100' }, 'E-GPU', /a100/],
    ['more GPUs than a node has', { partition: 'gpu', gpus: 3 }, 'E-GPU', /at most 2/],
    ['a GPU where there is none', { gpus: 1 }, 'E-GPU', /--partition/],
    ['a walltime over the limit, with the limit', { seconds: 86_400 }, 'E-LIMIT', /4 h/],
    ['more memory than a node has', { memoryMb: 1 << 20 }, 'E-LIMIT', /--mem/],
  ])('refuses %s', (_, flags, code, hint) => {
    expect(() => decide(flags)).toThrow(expect.objectContaining({ code, hint: expect.stringMatching(hint) }));
  });

  it.each<[Wishes, Record<string, string>]>([
    [{ partition: 'gpuu' }, { '--partition': 'gpu' }],
    [{ partition: 'unlike' }, { '--partition': 'debug' }],
    [{ partition: 'gpu', gpus: 3, gpuType: 'a10' }, { '--gpus': 'a100:2' }],
    [{ gpus: 1, gpuType: 'h100' }, { '--gpus': '0' }],
    [{ partition: 'gpu', gpus: 3 }, { '--gpus': '2' }],
    [{ partition: 'gpu', gpus: 3, gpuType: 'a100' }, { '--gpus': 'a100:2' }],
    [{ gpus: 2 }, { '--partition': 'gpu' }],
    [{ gpus: 3 }, { '--gpus': '0' }],
    [{ seconds: 86_400 }, { '--time': '4h' }],
    [{ memoryMb: 1 << 20 }, { '--mem': '16000M' }],
    [{ cpus: 99 }, { '--cpus': '8' }],
  ])('says of %j what it would take instead, and takes it: %j', (flags, instead) => {
    expect(() => decide(flags)).toThrow(expect.objectContaining({ instead }));
    const { '--partition': partition, '--gpus': gpus, '--time': time, '--mem': mem, '--cpus': cpus } = instead;
    const [gpuType, count] = gpus?.split(':') ?? [];
    const { gpuType: _, ...rest } = flags;
    const better = {
      ...(gpus === undefined ? flags : rest),
      ...(partition === undefined ? {} : { partition }),
      ...(gpus === undefined ? {} : count ? { gpuType, gpus: Number(count) } : { gpus: Number(gpus) }),
      ...(time === undefined ? {} : { seconds: parseDuration(time) }),
      ...(mem === undefined ? {} : { memoryMb: parseMemory(mem) }),
      ...(cpus === undefined ? {} : { cpus: Number(cpus) }),
    } as Wishes;
    expect(() => decide(better)).not.toThrow();
  });

  it('believes the user where the scheduler named no partitions', () => {
    expect(
      decideRequest({ flags: { partition: 'x', seconds: 1e6 }, repository: {}, site: {}, partitions: [] }).request,
    ).toMatchObject({ partition: 'x', seconds: 1e6 });
  });

  it('is printed with the flags that change it', () => {
    expect(requestInWords(decide({ partition: 'gpu' }).request)).toBe(
      'partition gpu · 1 GPU (--gpus) · 2 cores · 8 GB · 2 h (--time)',
    );
  });
});
