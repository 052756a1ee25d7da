/** A build job at an endpoint: the cluster's one poller asks for it, and what failed is told to somebody who sits at a page. */
import { expect, it } from '@jest/globals';
import { buildOnCluster } from '../../cli/cluster-build.ts';
import type { Command } from '../../core/command.ts';
import type { JobRef } from '../../core/scheduler.ts';
import { Poller } from '../../jobs/poller.ts';
import { FakeCluster, JumpingClock, spec } from '../jobs/fakes.ts';

/** A cluster on which a job builds this image already, and is ended by its walltime at the first look. */
function world() {
  const fake = new FakeCluster();
  fake.names.set(spec.tag, '7');
  fake.queue.set('7', { state: 'ended', raw: 'TIMEOUT', end: 'timeout', exitCode: 0, nodes: [] });
  const answer = new TextEncoder().encode(`${spec.tag}\n`);
  const run = async (command: Command) => {
    const looks = command.argv.some((word) => word.includes('cat tag'));
    return { ...(await fake.run(command)), ...(looks ? { stdout: answer } : {}) };
  };
  const transport = { run, read: fake.read, write: async () => {} };
  const profile = { host: 'hpc', user: 'hpcbuild', uid: 2001, imageStore: '/s', python: 'python3', container: {} };
  const cluster = { transport, scheduler: fake.scheduler, profile, partitions: [] };
  return { fake, transport, cluster };
}

it('a build job that the scheduler ended is seen by the cluster’s poller, and nobody is told to build elsewhere', async () => {
  const { fake, transport, cluster } = world();
  const poller = new Poller(transport, fake.scheduler, { owner: 990, clock: new JumpingClock() });
  const watched: JobRef[] = [];
  poller.watch = (job, on) => {
    watched.push(job);
    queueMicrotask(() => on(fake.queue.get('7') ?? 'absent'));
    return () => {};
  };
  const input = {
    ...{ cluster, poller, options: {}, entry: {}, settings: {}, checkout: {}, receipt: {} },
    planned: { key: 'a'.repeat(32), plan: { steps: [] } },
    claim: { lost: new AbortController().signal, awaited: async () => false },
  };
  const build = buildOnCluster(input as never, () => {}, new AbortController().signal);
  const error = await build.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'E-BUILD', message: expect.stringContaining('the scheduler (timeout)') });
  expect(error).toMatchObject({ hint: expect.stringMatching(/^Install less.* the admins of this endpoint/) });
  expect(watched).toMatchObject([{ id: '7', tag: spec.tag, owner: { uid: 2001, user: 'hpcbuild' } }]);
  expect(fake.asked.filter((what) => what === 'status')).toEqual([]);
});
