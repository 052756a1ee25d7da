/** A slow, far line: 300 ms there and back with jitter, 1 Mbit/s (docs/faults.md). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from '../e2e/client.ts';
import { Running } from '../e2e/rig.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { Line } from './line.ts';
import { stop } from './rig.ts';
import { SmallRepo } from './small-repo.ts';

let world: OwnWorld;
let line: Line;
let launch: string[];

beforeAll(async () => {
  world = new OwnWorld();
  line = await Line.to(world.entry.port);
  world.through(line);
  const { url } = await SmallRepo.in(world);
  launch = ['launch', url, '--partition', 'gpu', '--time', '10m', '--mem', '500M'];
  const cold = new Running(launch, { env: world.env });
  await stop(world, (await cold.ready()).id);
  await cold.close();
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await line?.close();
});

it('F-16: 300 ms there and back with jitter, 1 Mbit/s: a warm launch is ready, and waits for few answers one after the other', async () => {
  line.delay = { ms: 150, jitter: 50 };
  line.bytesPerSecond = 125_000;
  const running = new Running(launch, { env: world.env });
  try {
    const after = async (phase: string) => {
      await running.until((event) => event.type === 'done' && event.phase === phase);
      return line.turns;
    };
    const before = await after('repo');
    const submitted = (await after('submit')) - before;
    const session = await running.ready();
    process.stderr.write(`far: ${submitted} answers waited for up to the submit, ${line.turns - before} until ready\n`);
    // six, and ssh's own keepalive each 5 s, which looks like one
    expect(submitted).toBeLessThanOrEqual(8);
    expect(running.events.filter(({ type }) => type === 'warning')).toEqual([]);
    const client = await Client.enter(session.url);
    expect((await client.send('GET', '/api')).status).toBe(200);
    expect(await stop(world, session.id)).toMatchObject({ phase: 'ended' });
  } finally {
    await running.close();
  }
});
