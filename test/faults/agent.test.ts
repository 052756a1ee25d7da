/** The session's own processes on the compute node, killed (docs/faults.md). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from '../e2e/client.ts';
import { leftAfter, NOTHING, tracesOf } from '../e2e/oracles.ts';
import { on, type Ready, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { eventually, launchOf, type Shown, status } from './rig.ts';

let world: OwnWorld;
let running: Running;
let session: Ready;
let shown: Shown;
let client: Client;

beforeAll(async () => {
  const sif = await storedImage();
  world = new OwnWorld();
  running = new Running(launchOf(sif), { env: world.env });
  session = await running.ready();
  shown = await status(world, session.id);
  client = await Client.enter(session.url);
});

afterAll(async () => {
  await running?.close();
  await world[Symbol.asyncDispose]();
});

/** The process that runs agent.py in the session's directory. */
async function agentPid(): Promise<string> {
  const find = `for p in $(pgrep -u alice -f 'agent[.]py'); do [ "$(readlink /proc/$p/cwd)" = ${shown.directory} ] && echo $p; done; true`;
  return (await on('c2', 'root', find)).stdout;
}

const restarts = async () =>
  (await on('login', 'alice', `grep -c 'started again, once' ${shown.directory}/job.log`)).stdout;

it('F-07: the agent killed is started again, and the session goes on through the proxy, with its kernel, at another address', async () => {
  const kernel = await client.startKernel();
  expect(await client.run(kernel, 'x = 6; print("kept")')).toContain('kept');
  const before = await agentPid();
  expect(before).toMatch(/^\d+$/);
  expect((await on('c2', 'root', `kill -KILL ${before}`)).code).toBe(0);

  const moved = ({ address }: Shown) => address?.port !== shown.address?.port;
  const after = await eventually(() => status(world, session.id), moved, 30);
  expect(moved(after)).toBe(true);
  expect(after).toMatchObject({ phase: 'ready', jobId: shown.jobId, address: { host: 'c2' } });
  expect(await agentPid()).not.toBe(before);
  const answer = await eventually(
    () => client.send('GET', '/api'),
    (reply) => reply.status === 200,
    60,
  );
  expect(answer.status).toBe(200);
  expect(await client.run(kernel, 'print(x * 7)')).toContain('42');
  expect(await restarts()).toBe('1');
});

it('F-07: killed a second time the job ends, the session says so, and nothing is left', async () => {
  const traces = await tracesOf(session, shown.directory);
  expect((await on('c2', 'root', `kill -KILL ${await agentPid()}`)).code).toBe(0);
  const over = await running.until((event) => event.type === 'ended', 90_000);
  expect(over).toMatchObject({ id: session.id, why: 'app-failed' });
  expect(await running.ended()).toBe(1);
  expect(await status(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'app-failed' } });
  expect(await restarts()).toBe('1');
  expect(await leftAfter(traces)).toEqual(NOTHING);
});
