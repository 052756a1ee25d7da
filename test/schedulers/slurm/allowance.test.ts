import { describe, expect, it } from '@jest/globals';
import { slurm } from '../../../schedulers/slurm/index.ts';
import { nodesBehind } from '../../../schedulers/slurm/nodes.ts';
import { answered, recording, result, user, valueIn } from './recordings.ts';

const PARTS = ['accounts', 'qos', 'partitions', 'config'] as const;
type Part = (typeof PARTS)[number];

/** The recorded answers, some of them with other words. */
function allowed(more: Partial<Record<Part, { stdout?: string; code?: number; stderr?: string }>> = {}) {
  const inquiry = slurm.allowance(user);
  const answers = inquiry.questions.map((question, i) => {
    const part = PARTS[i] as Part;
    const other = more[part];
    if (other === undefined) return answered(`allowance-${part}`, question);
    return question.parse(result(other.code ?? 0, other.stdout ?? '', other.stderr ?? ''));
  });
  return inquiry.combine(answers);
}
const withConfig = (line: string) => ({
  config: { stdout: recording('allowance-config').stdout.replace(/^AccountingStorageEnforce.*$/m, line) },
});

describe('what a user may use', () => {
  it('is accounts with their QOS and the limits that hold there', () => {
    expect(valueIn(allowed()).accounts).toEqual([
      {
        name: 'lab',
        isDefault: true,
        qos: ['normal', 'short'],
        defaultQos: 'normal',
        limits: { seconds: 10_800, gpus: 1 },
      },
    ]);
  });

  it('is of QOS only those that one may use, with the least of what one job may ask for', () => {
    expect(valueIn(allowed()).qos).toEqual([
      { name: 'normal', first: false, limits: {} },
      { name: 'short', first: false, limits: { seconds: 1800, cpus: 4, memoryMb: 8192 } },
    ]);
    const stdout =
      'normal|OverPartQOS,DenyOnLimit||cpu=8,gres/gpu:a100=2,gres/gpu=4,node=3|cpu=6|cpu=7|billing=9|mem=2T\n';
    expect(valueIn(allowed({ qos: { stdout } })).qos).toEqual([
      { name: 'normal', first: true, limits: { cpus: 6, gpus: 4, memoryMb: 2 << 20, gpusOfType: [['a100', 2]] } },
    ]);
  });

  it('leaves out associations of another cluster that shares the database', () => {
    const stdout = 'other|lab|lab||normal|normal||||\n';
    expect(valueIn(allowed({ accounts: { stdout } })).accounts).toEqual([]);
  });

  it('tells who may use a partition, and the QOS whose limits hold there', () => {
    expect(valueIn(allowed()).partitions).toEqual([{ name: 'debug' }, { name: 'gpu' }]);
    const stdout =
      'PartitionName=gpu AllowGroups=ALL AllowAccounts=chem,lab DenyQos=scavenge QoS=gpulimit MaxTime=04:00:00\n';
    expect(valueIn(allowed({ partitions: { stdout } })).partitions).toEqual([
      { name: 'gpu', accounts: ['chem', 'lab'], notQos: ['scavenge'], ownQos: 'gpulimit' },
    ]);
  });

  it.each([
    ['associations,limits,qos', { accounts: true, limits: true, qos: true }],
    ['limits', { accounts: true, limits: true, qos: false }],
    ['associations', { accounts: true, limits: false, qos: false }],
    ['safe', { accounts: true, limits: true, qos: false }],
    ['all', { accounts: true, limits: true, qos: true }],
    ['none', { accounts: false, limits: false, qos: false }],
  ])('is enforced as the site says: %s', (words, enforces) => {
    expect(valueIn(allowed(withConfig(`AccountingStorageEnforce = ${words}`))).enforces).toEqual(enforces);
  });

  it('is nothing, in one sentence, where nobody keeps accounts or the database is down', () => {
    const none = valueIn(allowed({ accounts: recording('allowance-accounts-none') }));
    expect(none).toMatchObject({ accounts: [], unknown: expect.stringMatching(/keeps no accounts/) });
    const down = valueIn(allowed({ accounts: recording('allowance-accounts-down') }));
    expect(down).toMatchObject({ accounts: [], unknown: expect.stringMatching(/does not answer/) });
    expect(down.enforces).toEqual({ accounts: false, qos: false, limits: false });
  });
});

describe('what is free behind a partition', () => {
  const line = (state: string, more = '') =>
    `NodeName=n1 Arch=x86_64 CPUAlloc=6 CPUEfctv=8 CPUTot=8 Gres=gpu:a100:4(S:0-1),lscratch:9 GresUsed=gpu:a100:1(IDX:0),lscratch:0 RealMemory=16000 AllocMem=6000 State=${state} ThreadsPerCore=1 Partitions=gpu,all ${more}`;
  const read = (...lines: string[]) => valueIn(nodesBehind().parse(result(0, lines.join('\n'))));

  it('is cores, memory and GPUs by type of nodes that take jobs', () => {
    const { free, architectures } = read(line('MIXED'), line('IDLE+CLOUD+POWERED_DOWN')).get('gpu') ?? {};
    expect(free).toEqual({ cpus: 4, memoryMb: 20_000, gpus: { a100: 6 } });
    expect([...(architectures ?? [])]).toEqual(['x86_64']);
  });

  it.each([
    'DOWN*',
    'IDLE*',
    'IDLE+DRAIN',
    'MIXED+DRAIN',
    'IDLE+RESERVED',
    'IDLE+MAINTENANCE',
    'IDLE+POWERING_DOWN',
    'IDLE+PLANNED',
    'UNKNOWN',
    'FUTURE',
    'ALLOCATED+NOT_RESPONDING',
  ])('is nothing of a node that is %s', (state) =>
    expect(read(line(state)).get('gpu')?.free).toEqual({ cpus: 0, memoryMb: 0, gpus: {} }),
  );

  it('is not changed by words of an administrator behind the figures', () => {
    expect(read(line('MIXED', 'Comment=x State=IDLE CPUAlloc=0')).get('all')?.free.cpus).toBe(2);
  });
});
