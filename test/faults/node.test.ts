/** The compute node frozen, its job suspended, its app killed (docs/faults.md). */
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import Docker from 'dockerode';
import { Client } from '../e2e/client.ts';
import { leftAfter, NOTHING, tracesOf } from '../e2e/oracles.ts';
import { CLUSTER, hpcbinder, on, type Ready, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { configured, eventually, launchOf, status, stop } from './rig.ts';

const c2 = new Docker().getContainer(`hpcbinder-${CLUSTER}-c2`);
let world: OwnWorld;
let sif: string;
let running: Running | undefined;

beforeAll(async () => {
  sif = await storedImage();
  world = new OwnWorld();
});

afterEach(async () => {
  await running?.close();
  running = undefined;
});

afterAll(() => world[Symbol.asyncDispose]());

async function ready(...flags: string[]): Promise<{ session: Ready; client: Client }> {
  running = new Running([...launchOf(sif), ...flags], { env: world.env });
  const session = await running.ready();
  return { session, client: await Client.enter(session.url) };
}

const page = (client: Client) => client.send('GET', '/lab').catch(() => undefined);

it('F-08: the app killed on the node ends the session within seconds, and that is what is said', async () => {
  const { session } = await ready();
  const { directory } = await status(world, session.id);
  const traces = await tracesOf(session, directory);
  expect(await on('c2', 'root', `kill -KILL $(pgrep -u alice -f '[j]upyter-lab.*config=')`)).toMatchObject({ code: 0 });
  const over = await running?.until(({ type }) => type === 'ended', 60_000);
  expect(over).toMatchObject({ id: session.id, why: 'app-failed' });
  expect(String(over?.detail)).toMatch(/killed|signal|137|-9/);
  expect(await running?.ended()).toBe(1);
  expect(await status(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'app-failed' } });
  expect(await leftAfter(traces)).toEqual(NOTHING);
});

it('F-25: suspended by the scheduler for longer than its idle limit, the session says so, and is as it was when resumed', async () => {
  const { session, client } = await ready('--idle', '1m');
  const kernel = await client.startKernel();
  expect(await client.run(kernel, 'x = 6; print("kept")')).toContain('kept');
  expect(await on('login', 'root', `scontrol suspend ${session.jobId}`)).toMatchObject({ code: 0 });
  const told = await eventually(
    () => page(client),
    (reply) => /suspended/.test(reply?.text ?? ''),
    90,
  );
  expect(told).toMatchObject({ status: 503, text: expect.stringContaining('The session is suspended') });
  const { stdout } = await hpcbinder(['status', session.id], { env: world.env });
  expect(stdout).toMatch(/ready · suspended by the scheduler/);
  await new Promise((resolve) => setTimeout(resolve, 70_000));
  expect(await on('login', 'root', `scontrol resume ${session.jobId}`)).toMatchObject({ code: 0 });
  expect(
    await eventually(
      () => page(client),
      (reply) => reply?.status === 200,
      60,
    ),
  ).toMatchObject({ status: 200 });
  expect(await client.run(kernel, 'print(x * 7)')).toContain('42');
  expect(await status(world, session.id)).toMatchObject({ phase: 'ready', job: { state: 'running' } });
  expect(await stop(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
});

it('F-26: the node frozen, the page says within seconds that it does not answer, and the end is the scheduler’s word', async () => {
  // of five minutes, which is Slurm's default
  await using _ = await configured('SlurmdTimeout=30');
  const { session, client } = await ready();
  const { directory } = await status(world, session.id);
  const traces = await tracesOf(session, directory);
  // the kernel cannot freeze a process in the middle of a FUSE answer: a moment later it can
  const paused = () =>
    c2.pause().then(
      () => true,
      () => false,
    );
  expect(await eventually(paused, (done) => done, 20)).toBe(true);
  try {
    const began = Date.now();
    const told = await eventually(
      () => page(client),
      (reply) => reply?.status === 503,
      60,
    );
    expect(told).toMatchObject({ status: 503, text: expect.stringContaining('No contact with the session') });
    expect(Date.now() - began).toBeLessThan(15_000);
    const over = await running?.until(({ type }) => type === 'ended', 200_000);
    expect(over).toMatchObject({ why: 'node-failed' });
    expect(await running?.ended()).toBe(1);
    expect(await status(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'node-failed' } });
  } finally {
    await c2.unpause();
  }
  expect(await leftAfter(traces, 90_000)).toEqual(NOTHING);
  // the node serves again, and no job is left on it
  const asked = "sinfo -h -n c2 -p gpu -o %t; squeue -h -w c2 -o '%j %T'";
  const up = () => on('login', 'root', `scontrol update nodename=c2 state=resume; ${asked}`);
  expect((await eventually(up, ({ stdout }) => stdout === 'idle', 60)).stdout).toBe('idle');
});
