/** The program killed while it makes an image, then while it sends it (docs/faults.md). */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CLUSTER, on, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { Line } from './line.ts';
import { eventually, status, stop } from './rig.ts';

/** Of the bytes of a file: SSH's packets and their answers; and all else that a launch sends. */
const OVERHEAD = 1.02;
const ELSE = 1_000_000;

const QUICKSTART = ['launch', './examples/quickstart', '--cluster', CLUSTER, '--partition', 'gpu', '--time', '10m'];
let world: OwnWorld;
let line: Line;
let images: string;

beforeAll(async () => {
  // the engine then has the image: what is killed below is its conversion, and the upload
  await storedImage();
  world = new OwnWorld();
  line = await Line.to(world.entry.port);
  world.through(line);
  images = `${world.scratch}/images`;
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await line?.close();
});

const half =
  (phase: string) =>
  ({ type, phase: now, done, total }: Record<string, unknown>) =>
    type === 'update' && now === phase && Number(done) / Number(total) >= 0.5;

/** names of finished images on this machine */
function converted(): string[] {
  const folder = join(world.dir, 'cache', 'sifs');
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.sif')) : [];
}

it('F-02: killed half-way through the conversion, nothing has the name of an image, here or there, and no job is left', async () => {
  const running = new Running(QUICKSTART, { env: world.env });
  await running.until(half('convert'));
  await running.kill();
  expect(converted()).toEqual([]);
  expect((await on('login', 'alice', `ls ${images}/*.sif ${images}/*.json`)).stdout).toBe('');
  expect(await world.jobs()).toEqual([]);
});

it('F-03: killed half-way through the upload, only a part is there, under another name', async () => {
  line.bytesPerSecond = 20_000_000;
  const running = new Running(QUICKSTART, { env: world.env });
  await running.until(half('upload'));
  await running.kill();
  line.bytesPerSecond = undefined;
  expect(converted()).toHaveLength(1);
  const { stdout } = await on('login', 'alice', `cd ${images}; ls -d *.*`);
  expect(stdout.split('\n').sort()).toEqual([
    expect.stringMatching(/\.lock$/),
    expect.stringMatching(/\.sif\.partial$/),
  ]);
  expect(await world.jobs()).toEqual([]);
});

it('F-03: the next launch sends the rest and no more, the image is whole, and the session becomes ready', async () => {
  const [name = ''] = converted();
  const file = join(world.dir, 'cache', 'sifs', name);
  const total = statSync(file).size;
  const size = async () => Number((await on('login', 'alice', `stat -c %s ${images}/*.partial`)).stdout);
  const seen: number[] = [];
  const settled = (now: number) => seen.push(now) > 1 && seen.at(-2) === now;
  const there = await eventually(size, settled, 20);
  expect(there / total).toBeGreaterThan(0.3);
  expect(there / total).toBeLessThan(0.8);
  // a holder that died is overruled after five minutes: they have passed
  expect((await on('login', 'alice', `touch -d '6 minutes ago' ${images}/*.lock/owner`)).code).toBe(0);

  const before = line.sent;
  const running = new Running(QUICKSTART, { env: world.env });
  try {
    const session = await running.ready();
    const sent = line.sent - before;
    expect(sent).toBeGreaterThan(total - there);
    expect(sent).toBeLessThan((total - there) * OVERHEAD + ELSE);
    expect((await on('login', 'alice', `stat -c %s ${images}/${name}; ls ${images}/*.partial`)).stdout).toBe(
      `${total}`,
    );
    expect(await status(world, session.id)).toMatchObject({ phase: 'ready' });
    expect(await stop(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
    expect((await world.jobs()).map((job) => job.split('|')[1])).toEqual([session.id]);
  } finally {
    await running.close();
  }
});
