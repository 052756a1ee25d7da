import { describe, expect, it } from '@jest/globals';
import { readKept } from '../../cli/allowance.ts';
import { chargedRows, inOrder, row } from '../../cli/partitions.ts';
import { fittedTable } from '../../cli/terminal.ts';
import { NO_ALLOWANCE } from '../../core/allowance.ts';
import { partition } from '../sessions/example.ts';

const gpu = partition({
  name: 'gpu',
  isDefault: false,
  nodes: 8,
  idleNodes: 3,
  defaultSeconds: 1800,
  gpusPerNode: { a100: 4 },
  allNodesHaveGpus: true,
  free: { cpus: 96, memoryMb: 1 << 20, gpus: { a100: 13 } },
});

describe('the table of partitions', () => {
  it('tells the limits, what a node has, and what is free now', () => {
    expect(row(gpu, NO_ALLOWANCE)).toEqual([
      'gpu',
      '4 h (30 min)',
      '8 cores, 15.6 GB, 4 a100',
      '3/8 nodes, 96 cores, 13 a100',
    ]);
    expect(row(partition({ gpusPerNode: { '': 1 } }), NO_ALLOWANCE)[2]).toBe('8 cores, 15.6 GB (1 GPU)');
    expect(row(partition(), NO_ALLOWANCE)[0]).toBe('debug *');
  });

  it('says of one that is closed, or not for the user, just that', () => {
    expect(row({ ...gpu, up: false }, NO_ALLOWANCE)[3]).toBe('closed for now');
    const lab = { name: 'lab', isDefault: true, qos: [], limits: {} };
    const closed = {
      ...NO_ALLOWANCE,
      accounts: [lab],
      partitions: [{ name: 'gpu', accounts: ['chem'] }],
      enforces: { accounts: true, qos: false, limits: false },
    };
    expect(row(gpu, closed)[3]).toBe('not for your accounts');
  });

  it('begins with the usual one and ends with those that start nothing', () => {
    const names = [
      partition({ name: 'x', isDefault: false, up: false }),
      partition({ name: 'n10', isDefault: false }),
      partition({ name: 'n9', isDefault: false }),
      partition(),
    ];
    expect(inOrder(names).map(({ name }) => name)).toEqual(['debug', 'n9', 'n10', 'x']);
  });

  it('fits the columns that there are: the widest cells are cut in the middle', () => {
    const text = fittedTable(
      ['A', 'B'],
      [
        ['x'.repeat(60), 'y'.repeat(70)],
        ['short', 'short'],
      ],
      80,
    );
    for (const line of text.split('\n')) expect([...line].length).toBeLessThanOrEqual(80);
    expect(text).toContain('short');
    expect(fittedTable(['A', 'B'], [['1', '2']], 80)).toBe('A  B\n1  2');
  });

  it('has a row for each account, and for each QOS with limits', () => {
    const accounts = [
      { name: 'chem', isDefault: false, partition: 'gpu', qos: ['normal'], limits: {} },
      {
        name: 'lab',
        isDefault: true,
        qos: ['normal', 'short'],
        defaultQos: 'normal',
        limits: { gpus: 2, gpusOfType: [['a100', 1]] as const },
      },
    ];
    const qos = [
      { name: 'normal', first: false, limits: {} },
      { name: 'short', first: false, limits: { seconds: 1800, cpus: 1, memoryMb: 8192 } },
    ];
    expect(chargedRows({ ...NO_ALLOWANCE, accounts, qos })).toEqual([
      ['lab *', 'normal *, short', 'at most 2 GPUs, 1 a100'],
      ['chem (in gpu)', 'normal', 'no limit of its own'],
      ['', 'short', 'at most 30 min, 1 core, 8 GB'],
    ]);
  });
});

describe('what was kept of a day’s question', () => {
  const kept = (more: object = {}) =>
    JSON.stringify({ schema: 1, at: 1_000, user: 'alice', allowance: NO_ALLOWANCE, ...more });
  it('is used for a day, by the same user', () => {
    expect(readKept(kept(), 'alice', 2_000)).toEqual(NO_ALLOWANCE);
    expect(readKept(kept(), 'bob', 2_000)).toBeUndefined();
    expect(readKept(kept(), 'alice', 86_402_000)).toBeUndefined();
    expect(readKept(kept(), 'alice', 0)).toBeUndefined();
  });
  it.each([
    undefined,
    '',
    '[]',
    'null',
    kept({ schema: 2 }),
    kept({ allowance: {} }),
    kept({ allowance: { ...NO_ALLOWANCE, accounts: [null] } }),
    kept({ allowance: { ...NO_ALLOWANCE, accounts: [{ name: 'lab', qos: [], limits: { seconds: 'x' } }] } }),
    kept({ allowance: { ...NO_ALLOWANCE, partitions: [{ name: 'gpu', accounts: 'lab' }] } }),
  ])('is asked anew where somebody else wrote it: %j', (text) =>
    expect(readKept(text, 'alice', 2_000)).toBeUndefined(),
  );
});
