import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NO_ALLOWANCE } from '../../core/allowance.ts';
import type { ResourceRequest } from '../../core/scheduler.ts';
import { byFreeNodes, MOST_SHAPES, otherShapes, ownShape } from '../../sessions/shapes.ts';
import { partition } from './example.ts';

const debug = partition();
const gpu = partition({
  name: 'gpu',
  isDefault: false,
  gpusPerNode: { a100: 4 },
  allNodesHaveGpus: true,
  maxSeconds: 86_400,
  architectures: ['x86_64'],
});
const big = partition({ ...gpu, name: 'big', idleNodes: 9, maxSeconds: 7200 });
const arm = partition({ ...gpu, name: 'arm', idleNodes: 10, architectures: ['aarch64'] });
const down = partition({ ...gpu, name: 'down', up: false });
const partitions = [debug, gpu, big, arm, down];
const request: ResourceRequest = {
  partition: 'gpu',
  seconds: 8 * 3600,
  gpus: 2,
  gpuType: 'a100',
  cpus: 8,
  memoryMb: 16_000,
  extra: [],
};

describe('other shapes of a request', () => {
  it('are at most six: a shorter time, another partition, any type of GPU, fewer GPUs, half a node, a still shorter time', () => {
    expect(otherShapes(request, { partitions }).map(({ words, flags }) => `${words}: ${flags.join(' ')}`)).toEqual([
      '4 h on gpu: --time 4h',
      '2 h on big: --time 2h --partition big',
      '8 h on gpu, 2 GPUs of any type: --gpus 2',
      '8 h on gpu, 1 GPU a100: --gpus a100:1',
      '8 h on gpu, 4 cores, 8000 MB: --cpus 4 --mem 8000M',
      '2 h on gpu: --time 2h',
    ]);
  });

  it('name no partition that is closed, of another architecture, not for the user, or that would hold GPUs nobody asked for', () => {
    const allowance = {
      ...NO_ALLOWANCE,
      accounts: [{ name: 'lab', isDefault: true, qos: [], limits: {} }],
      partitions: [{ name: 'big', accounts: ['chem'] }],
      enforces: { accounts: true, qos: false, limits: true },
    };
    const names = otherShapes(request, { partitions, allowance }).map((shape) => shape.request.partition);
    expect(new Set(names)).toEqual(new Set(['gpu']));
    const { gpuType: _, ...plain } = { ...request, partition: 'debug', gpus: 0 };
    for (const shape of otherShapes(plain, { partitions })) expect(shape.request.partition).toBe('debug');
  });

  it('stay within the limit of the account in another partition', () => {
    const allowance = {
      ...NO_ALLOWANCE,
      accounts: [{ name: 'lab', isDefault: true, qos: [], limits: { seconds: 3600 } }],
      enforces: { accounts: true, qos: false, limits: true },
    };
    const elsewhere = otherShapes(request, { partitions, allowance }).find(
      (shape) => shape.request.partition === 'big',
    );
    expect(elsewhere?.request.seconds).toBe(3600);
  });

  it('ask for less in something, for more in nothing, and are all different, whatever is asked', () => {
    const any = fc.record({
      seconds: fc.integer({ min: 60, max: 8 * 86_400 }),
      cpus: fc.integer({ min: 1, max: 64 }),
      memoryMb: fc.integer({ min: 1, max: 1 << 20 }),
      gpus: fc.integer({ min: 0, max: 8 }),
      partition: fc.constantFrom('gpu', 'debug', 'big'),
      extra: fc.constant([]),
    });
    fc.assert(
      fc.property(any, (asked) => {
        const shapes = otherShapes(asked, { partitions });
        expect(shapes.length).toBeLessThanOrEqual(MOST_SHAPES);
        const own = ownShape(asked);
        expect(own.flags).toEqual([]);
        expect(new Set([own, ...shapes].map(({ words }) => words)).size).toBe(shapes.length + 1);
        for (const { request: other, flags } of shapes) {
          expect(flags.length).toBeGreaterThan(0);
          for (const key of ['seconds', 'cpus', 'memoryMb', 'gpus'] as const)
            expect(other[key]).toBeLessThanOrEqual(asked[key]);
        }
      }),
    );
  });
});

describe('an estimate by free nodes', () => {
  const now = new Date(0);
  const shape = ownShape(request);
  it('is now where a whole node is free, and else nobody knows', () => {
    expect(byFreeNodes(shape, partitions, now)).toBe(now);
    expect(byFreeNodes(shape, [{ ...gpu, idleNodes: 0 }], now)).toBeUndefined();
    expect(byFreeNodes(shape, [{ ...gpu, up: false }], now)).toBeUndefined();
    expect(byFreeNodes(shape, [debug], now)).toBeUndefined();
    const taken = { ...gpu, free: { cpus: 8, memoryMb: 1, gpus: { a100: 1 } } };
    expect(byFreeNodes(shape, [taken], now)).toBeUndefined();
  });
});
