import { describe, expect, it } from '@jest/globals';
import type { Allowance } from '../../core/allowance.ts';
import { boundsOf } from '../../sessions/allowed.ts';
import { decideRequest, type Wishes } from '../../sessions/request.ts';
import { partition } from './example.ts';

const gpu = partition({ name: 'gpu', isDefault: false, gpusPerNode: { a100: 4, '': 4 }, allNodesHaveGpus: true });
const allowance: Allowance = {
  accounts: [
    {
      name: 'lab',
      isDefault: true,
      qos: ['normal', 'short'],
      defaultQos: 'normal',
      limits: { seconds: 3 * 3600, cpus: 4 },
    },
    { name: 'chem', isDefault: false, qos: ['normal'], defaultQos: 'normal', limits: {} },
    { name: 'chem', isDefault: false, partition: 'gpu', qos: ['normal'], defaultQos: 'normal', limits: { gpus: 1 } },
  ],
  qos: [
    { name: 'normal', first: false, limits: { gpusOfType: [['a100', 2]] } },
    { name: 'short', first: false, limits: { seconds: 1800, cpus: 6 } },
    { name: 'limit', first: false, limits: { seconds: 7200 } },
  ],
  partitions: [
    { name: 'debug', ownQos: 'limit' },
    { name: 'gpu', accounts: ['lab', 'chem'], notQos: ['short'] },
  ],
  enforces: { accounts: true, qos: true, limits: true },
};
const decide = (flags: Wishes, own = allowance, site: Wishes = {}) =>
  decideRequest({ flags, repository: {}, site, partitions: [partition(), gpu], allowance: own });

describe('a request over a limit', () => {
  it.each<[string, Wishes, string, RegExp, RegExp]>([
    [
      'of the account',
      { cpus: 6, partition: 'gpu' },
      'E-LIMIT',
      /limit of account lab: 4 cores/,
      /at most 4 cores \(--cpus\)/,
    ],
    ['of the partition’s QOS', { seconds: 9000 }, 'E-LIMIT', /limit of QOS limit: 2 h/, /at most 2 h/],
    [
      'of the account in that partition',
      { account: 'chem', partition: 'gpu', gpus: 2 },
      'E-GPU',
      /limit of account chem: 1 GPU/,
      /at most 1 GPU/,
    ],
    [
      'of the QOS for one type of GPU',
      { partition: 'gpu', gpus: 3, gpuType: 'a100' },
      'E-GPU',
      /QOS normal: 2 GPUs/,
      /at most 2 GPUs/,
    ],
    [
      'with an account of others',
      { account: 'labb' },
      'E-ACCOUNT',
      /not one of yours/,
      /Did you mean lab\? You may use: lab, chem/,
    ],
    [
      'with a QOS that is not the account’s',
      { account: 'chem', qos: 'short' },
      'E-ACCOUNT',
      /QOS "short"/,
      /You may use: normal/,
    ],
    [
      'with a QOS that the partition does not take',
      { qos: 'short', partition: 'gpu' },
      'E-ACCOUNT',
      /takes no jobs of QOS short/,
      /You may use: normal/,
    ],
  ])('%s is refused with the limit and the nearest that is allowed', (_, flags, code, message, hint) => {
    expect(() => decide(flags)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message), hint: expect.stringMatching(hint) }),
    );
  });

  it('is lowered where hpcbinder chose it, and that is told', () => {
    const { request, notes } = decide({}, allowance, { seconds: 4 * 3600, cpus: 8 });
    expect(request).toMatchObject({ seconds: 7200, cpus: 4 });
    expect(notes).toContain('--time lowered from 4 h to 2 h, the limit of QOS limit');
  });

  it('is nobody’s business where the site enforces nothing, or nothing is known', () => {
    const loose = { ...allowance, enforces: { accounts: false, qos: false, limits: false } };
    expect(decide({ account: 'x', qos: 'y', cpus: 8 }, loose).request).toMatchObject({ account: 'x', cpus: 8 });
    const empty = { ...allowance, accounts: [], qos: [], partitions: [] };
    expect(decide({ account: 'x', qos: 'y' }, empty).request).toMatchObject({ account: 'x', qos: 'y' });
  });
});

describe('the limits of a job', () => {
  const charged = { partition: 'debug', qos: 'short' };
  it('are set by the first that sets one: the partition’s QOS, the job’s, the account', () => {
    expect(boundsOf(allowance, charged)).toEqual([
      { of: 'QOS limit', limits: { seconds: 7200 } },
      { of: 'QOS short', limits: { cpus: 6 } },
    ]);
  });
  it('are the job’s QOS first where that goes over the partition’s', () => {
    const over = { ...allowance, qos: allowance.qos.map((one) => ({ ...one, first: one.name === 'short' })) };
    expect(boundsOf(over, charged)[0]).toEqual({ of: 'QOS short', limits: { seconds: 1800, cpus: 6 } });
  });
});
