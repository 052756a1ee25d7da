/** The line lost in the middle of an upload (docs/faults.md). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Event, on, Running } from '../e2e/rig.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { Line } from './line.ts';
import { status, stop } from './rig.ts';
import { SmallRepo } from './small-repo.ts';

/** What a break may cost: a channel's window and the sockets between, sent and never arrived. */
const LOST_BYTES = 5_000_000;

let world: OwnWorld;
let line: Line;
let repo: SmallRepo;

beforeAll(async () => {
  world = new OwnWorld();
  line = await Line.to(world.entry.port);
  world.through(line);
  repo = await SmallRepo.in(world);
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await line?.close();
});

const sentUpTo =
  (part: number) =>
  ({ type, phase, done, total }: Event) =>
    type === 'update' && phase === 'upload' && Number(done) / Number(total) >= part;

it('F-10: reset at a third, then silent at two thirds: the same launch goes on from what arrived, says so, and is ready', async () => {
  line.bytesPerSecond = 3_000_000;
  const before = line.sent;
  const launch = ['launch', repo.url, '--partition', 'gpu', '--time', '10m', '--mem', '500M'];
  const running = new Running(launch, { env: world.env });
  try {
    await running.until(sentUpTo(0.33));
    line.reset();
    await running.until(sentUpTo(0.67));
    line.cut();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    line.mend({ lost: true });
    const session = await running.ready();
    const total = Number(running.events.find(sentUpTo(1))?.total);
    const said = (type: string) =>
      running.events.filter((event) => event.type === type).map(({ text }) => String(text));
    expect(said('warning')).toEqual([
      expect.stringMatching(
        /^the connection to alice@127\.0\.0\.1 broke at [0-9.]+ MB of [0-9.]+ MB: waiting for it, 10 min at most$/,
      ),
      expect.stringMatching(
        /^the connection to alice@127\.0\.0\.1 broke at [0-9.]+ MB of [0-9.]+ MB: waiting for it, 9 min at most$/,
      ),
    ]);
    expect(
      said('note').filter((text) => /^connected again: [0-9.]+ MB had arrived, the rest follows$/.test(text)),
    ).toHaveLength(2);
    expect(line.sent - before).toBeLessThan(total + 2 * LOST_BYTES);
    expect(await status(world, session.id)).toMatchObject({ phase: 'ready' });
    const left = `ls -d ${world.scratch}/images/*.partial* ${world.scratch}/images/*.lock`;
    expect((await on('login', 'alice', left)).stdout).toBe('');
    expect(await stop(world, session.id)).toMatchObject({ phase: 'ended' });
    expect(await world.jobs()).toHaveLength(1);
  } finally {
    await running.close();
  }
});

it('ends on ctrl-C within seconds while the line is silent, and says what is left there', async () => {
  line.bytesPerSecond = 3_000_000;
  await repo.another();
  const running = new Running(['launch', repo.url, '--partition', 'gpu', '--time', '10m'], { env: world.env });
  try {
    await running.until(sentUpTo(0.2));
    line.cut();
    const began = Date.now();
    running.interrupt();
    expect(await running.ended()).toBe(130);
    expect(Date.now() - began).toBeLessThan(20_000);
    const error = running.events.find(({ type }) => type === 'error');
    expect([error?.code, error?.message]).toEqual([
      'E-CANCELLED',
      expect.stringMatching(/^cancelled: nothing was submitted\. What was uploaded stays in .* for the next launch$/),
    ]);
  } finally {
    line.mend({ lost: false });
    await running.close();
  }
}, 120_000);
