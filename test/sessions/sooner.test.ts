import { describe, expect, it } from '@jest/globals';
import { soonerLines } from '../../cli/when.ts';
import type { Cluster } from '../../core/cluster.ts';
import { ok, refused } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { JobSpec, ResourceRequest } from '../../core/scheduler.ts';
import { startSooner } from '../../sessions/sooner.ts';
import { partition } from './example.ts';

const START = Date.parse('2026-11-23T12:00:00Z');
const request: ResourceRequest = { partition: 'debug', seconds: 8 * 3600, gpus: 0, cpus: 4, memoryMb: 8192, extra: [] };

/** A scheduler that says of each walltime and number of cores when it starts: hours from now, or that it refuses. */
function clusterOf(hours: (request: ResourceRequest) => number | 'refused' | undefined, testOnly = true) {
  const asked: { request: ResourceRequest; at: number }[] = [];
  let clock = START;
  const cluster = {
    profile: { stateDir: '/home/alice/.local/state/hpcbinder' },
    partitions: [partition({ maxSeconds: 86_400 })],
    transport: { run: async () => ({}) },
    scheduler: {
      can: { testOnly },
      startEstimate: (job: JobSpec) => ({
        command: { argv: ['sbatch', '--test-only'] },
        parse: () => {
          asked.push({ request: job.request, at: clock });
          const answer = hours(job.request);
          if (answer === 'refused') return refused(new HpcbinderError('E-LIMIT', { message: 'no' }));
          return ok(answer === undefined ? undefined : new Date(START + answer * 3_600_000));
        },
      }),
    },
  } as unknown as Cluster;
  const world = {
    now: () => new Date(START),
    sleep: async (ms: number, signal: AbortSignal) => {
      signal.throwIfAborted();
      clock += ms;
    },
  };
  return { cluster, world, asked };
}
const signal = new AbortController().signal;

describe('start sooner', () => {
  it('asks about the request and at most six others, one a second, and tells those that start before it', async () => {
    const { cluster, world, asked } = clusterOf(({ seconds, cpus }) => (seconds <= 2 * 3600 ? 0 : cpus < 4 ? 1.2 : 3));
    const told: string[] = [];
    const found = await startSooner(cluster, request, world, ({ words }) => told.push(words), signal);
    expect(asked.length).toBeLessThanOrEqual(7);
    expect(asked.slice(1).map(({ at }, i) => at - (asked[i]?.at ?? 0))).toEqual(asked.slice(1).map(() => 1000));
    expect(told).toHaveLength(asked.length);
    expect(soonerLines(found, new Date(START)).map((line) => line.replaceAll(/ {2,}/g, ' | ').trim())).toEqual([
      '| 2 h on debug | now | --time 2h',
      '| 8 h on debug, 2 cores, 4 GB | in about 1 h | --cpus 2 --mem 4G',
      '| 8 h on debug | in about 3 h | (as asked)',
    ]);
  });

  it('asks no more where the request itself starts now', async () => {
    const { cluster, world, asked } = clusterOf(() => 0);
    const found = await startSooner(cluster, request, world, () => {}, signal);
    expect(asked).toHaveLength(1);
    expect(soonerLines(found, new Date(START)).join()).toContain('nothing starts sooner than now');
  });

  it('leaves out what the scheduler refuses, and says where nothing starts sooner or nobody knows', async () => {
    const { cluster, world } = clusterOf(({ seconds }) => (seconds === 8 * 3600 ? undefined : 'refused'));
    const found = await startSooner(cluster, { ...request, cpus: 1 }, world, () => {}, signal);
    expect(found.others).toEqual([]);
    expect(soonerLines(found, new Date(START)).join('\n')).toMatch(/nobody knows when.*\n.*none starts sooner/);
  });

  it('goes by free nodes where the scheduler gives no estimates, asks it nothing, and says so', async () => {
    const { cluster, world, asked } = clusterOf(() => 0, false);
    const found = await startSooner(cluster, request, world, () => {}, signal);
    expect(asked).toEqual([]);
    expect(soonerLines(found, new Date(START)).at(-1)).toMatch(/free now: this scheduler gives no estimates/);
  });

  it('asks not about a job that waits already: the scheduler has its own estimate, and the others are behind it', async () => {
    const { cluster, world, asked } = clusterOf(({ seconds }) => (seconds <= 2 * 3600 ? 1 : 5));
    const own = { start: new Date(START + 3 * 3_600_000) };
    const found = await startSooner(cluster, request, world, () => {}, signal, own);
    expect(asked.some((one) => one.request === request)).toBe(false);
    expect(soonerLines(found, new Date(START)).map((line) => line.replaceAll(/ {2,}/g, ' | ').trim())).toEqual([
      '| 2 h on debug | in about 1 h | --time 2h',
      '| 8 h on debug | in about 3 h | (as it waits)',
      '| counted behind your waiting job: without it they start no later',
    ]);
  });

  it('stops at ctrl-C before the next question', async () => {
    const { cluster, world, asked } = clusterOf(() => 3);
    const controller = new AbortController();
    const stop = () => asked.length === 2 && controller.abort();
    const run = startSooner(
      cluster,
      request,
      {
        ...world,
        sleep: async (ms, s) => {
          await world.sleep(ms, s);
          stop();
        },
      },
      () => {},
      controller.signal,
    );
    await expect(run).rejects.toThrow();
    expect(asked).toHaveLength(2);
  });
});
