import { describe, expect, it } from '@jest/globals';
import { beginsWith, notOffered, type Wishes } from '../../../server/web/parts/not-offered.ts';
import { choices } from './canned.ts';

const campus = choices();
const [cpu] = campus.offers?.partitions ?? [];
const begins = (asked: Wishes) => beginsWith(campus, asked)?.name;

describe('the partition that the form begins with', () => {
  it('is the one that was asked for, whatever else is wanted', () => {
    expect([begins({ partition: 'debug' }), begins({ partition: 'cpu', gpus: '2' })]).toEqual(['debug', 'cpu']);
  });

  it('has GPUs where some are wanted and none was named', () => {
    expect([begins({ gpus: '1' }), begins({ gpuType: 'a100' }), begins({ gpus: '1', gpuType: 'h100' })]).toEqual([
      'gpu',
      'gpu',
      'gpu',
    ]);
  });

  it('is the usual one for all others, also for those who want no GPU', () => {
    expect([begins({}), begins({ gpus: '0', gpuType: 'a100' }), begins({ gpus: '' })]).toEqual(['cpu', 'cpu', 'cpu']);
  });

  it('has the type that was named, rather than the first GPUs that there are, and is open where one is', () => {
    const { offers, ...rest } = campus;
    if (!offers || !cpu) throw new Error('no partitions');
    const partitions = [
      cpu,
      { ...cpu, isDefault: false, name: 'old', gpusPerNode: { v100: 2 } },
      { ...cpu, isDefault: false, name: 'shut', up: false, gpusPerNode: { a100: 2 } },
      { ...cpu, isDefault: false, name: 'new', gpusPerNode: { a100: 2 } },
    ];
    const among = { ...rest, offers: { ...offers, partitions } };
    expect(beginsWith(among, { gpus: '1', gpuType: 'a100' })?.name).toBe('new');
    expect(beginsWith(among, { gpus: '1' })?.name).toBe('old');
  });
});

describe('what is not offered', () => {
  it('is nothing where all of it is', () => {
    const asked = { cluster: 'campus', partition: 'cpu', gpuType: '', data: ['era5'] };
    expect(notOffered(campus, asked, cpu)).toEqual([]);
  });

  it('is said of each wish, harmlessly', () => {
    const asked = { cluster: 'now\u202ehere', partition: 'night', gpuType: 'h100', data: ['era5', 'era6'] };
    expect(notOffered(campus, asked, cpu)).toEqual([
      'Cluster now\\u202ehere was asked for, and it is not offered here: this runs on campus.',
      'Partition night was asked for, and it is not offered on campus: cpu is chosen.',
      'GPU type h100 was asked for, and it is not offered in partition cpu: it has no GPUs.',
      'Data era6 was asked for, and it is not offered here: this launches without it.',
    ]);
  });

  it('is not concluded of partitions that nobody knows yet: a field shows what was asked for', () => {
    expect(notOffered(choices('late'), { partition: 'night', gpuType: 'h100' }, undefined)).toEqual([]);
  });
});
