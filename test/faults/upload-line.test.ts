/** The line lost in the middle of an upload (docs/faults.md). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { on, Running } from '../e2e/rig.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { Line } from './line.ts';
import { status, stop, storedImage } from './rig.ts';
import { SmallRepo } from './small-repo.ts';

let world: OwnWorld;
let line: Line;
let repo: SmallRepo;

beforeAll(async () => {
  await storedImage();
  world = new OwnWorld();
  line = await Line.to(world.entry.port);
  world.through(line);
  repo = await SmallRepo.in(world);
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await line?.close();
});

const launched = () =>
  new Running(['launch', repo.url, '--partition', 'gpu', '--time', '10m', '--mem', '500M'], { env: world.env });

const half = ({ type, phase, done, total }: Record<string, unknown>) =>
  type === 'update' && phase === 'upload' && Number(done) / Number(total) >= 0.5;

it('F-10: what arrived is kept, it is said that trying again helps, and the next launch sends the rest', async () => {
  line.bytesPerSecond = 5_000_000;
  const cut = launched();
  await cut.until(half);
  line.cut();
  line.mend({ lost: true });
  line.giveUpLost();
  line.bytesPerSecond = undefined;
  const outcome = await cut.until(({ type }) => type === 'error' || type === 'ready', 180_000);
  if (outcome.type === 'error') {
    expect(outcome).toMatchObject({ code: 'E-SSH-LOST', transient: true });
    expect(await cut.ended()).toBe(75);
    const { stdout } = await on('login', 'alice', `stat -c %s ${world.scratch}/images/*.sif.partial`);
    expect(Number(stdout)).toBeGreaterThan(1_000_000);
    expect(await world.jobs()).toEqual([]);
  }
  const again = outcome.type === 'error' ? launched() : cut;
  try {
    const session = await again.ready();
    expect(await status(world, session.id)).toMatchObject({ phase: 'ready' });
    expect(
      (await on('login', 'alice', `ls -d ${world.scratch}/images/*.partial ${world.scratch}/images/*.lock`)).stdout,
    ).toBe('');
    expect(await stop(world, session.id)).toMatchObject({ phase: 'ended' });
  } finally {
    await again.close();
  }
});
