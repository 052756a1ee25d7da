/**
 * Clocks that are wrong by hours, and in other time zones: the laptop's and the node's, each by a fake (test/fake-clock.c).
 * The scheduler's and this machine's is the true one (SECURITY F-46).
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Event, hpcbinder, on, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { aheadBy, FakeClock, fakeClockEnv, fakeClockLibrary } from '../fake-clock.ts';
import { eventually, status } from './rig.ts';

const library = fakeClockLibrary() ?? '';
const HOUR = 3600;
const NODE_ZONE = 'Asia/Kathmandu';
const LAPTOP_ZONE = 'America/St_Johns';
const worlds: OwnWorld[] = [];
let sif: string;

beforeAll(async () => {
  if (!library) throw new Error('there is no C compiler here, for test/fake-clock.c: install one');
  sif = await storedImage();
});
afterAll(async () => {
  for (const world of worlds) await world[Symbol.asyncDispose]();
});

const now = () => Date.now() / 1000;
const isWarning = ({ type, endsIn }: Event) => type === 'warning' && endsIn !== undefined;

/** On the cluster's shared disk, in one write and in place: programs have it mapped. */
async function put(path: string, bytes: Buffer): Promise<void> {
  const write = `base64 -d | dd of=${path} conv=notrunc bs=1M status=none`;
  const { code, stderr } = await on('login', 'alice', `echo ${bytes.toString('base64')} | ${write}`);
  if (code !== 0) throw new Error(stderr);
}

/** A laptop and, on the nodes alone, an agent with wrong clocks: seconds ahead of the true one. */
async function worldOf(node: number, laptop: number) {
  const world = new OwnWorld();
  worlds.push(world);
  await on('login', 'alice', `mkdir -p ${world.home}`);
  const paths = { library: `${world.home}/fake-clock.so`, file: `${world.home}/ahead` };
  await put(paths.library, readFileSync(library));
  await put(paths.file, aheadBy(node));
  const wrong = { ...fakeClockEnv(paths.library, paths.file), TZ: NODE_ZONE };
  const words = Object.entries(wrong).map(([name, value]) => `${name}=${value}`);
  world.entry.prologue = `case $(uname -n) in c[0-9]) export ${words.join(' ')} ;; esac`;
  world.write();
  const clock = new FakeClock(library, laptop);
  Object.assign(world.env, clock.env, { TZ: LAPTOP_ZONE });
  return { world, laptop: clock, setNode: (ahead: number) => put(paths.file, aheadBy(ahead)) };
}

/** As the laptop's wrong clock shows a moment. */
const shown = (seconds: number, ahead: number) =>
  new Date((seconds + ahead) * 1000).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    timeZone: LAPTOP_ZONE,
  });

/** `later`: what both clocks are set to while the session runs. */
async function session(clocks: { node: number; laptop: number }, later: { node: number; laptop: number }) {
  const { world, laptop, setNode } = await worldOf(clocks.node, clocks.laptop);
  const launch = ['launch', '--sif', sif, '--partition', 'debug', '--cpus', '1', '--time', '2m'];
  const running = new Running(launch, { env: world.env });
  try {
    const { id, jobId, endsAt } = await running.ready();
    const end = Number((await on('login', 'alice', `SLURM_TIME_FORMAT=%s squeue -h -j ${jobId} -o %e`)).stdout);
    expect(end - now()).toBeGreaterThan(65);
    expect(end - now()).toBeLessThan(125);
    expect(Math.abs(endsAt - end)).toBeLessThanOrEqual(5);
    const log = await on('login', 'alice', `cat ${world.home}/state/sessions/${id}/agent.log`);
    const [, ahead] = /the clock of this node is (-?\d+) s ahead of the scheduler's/.exec(log.stdout) ?? [];
    expect(Math.abs(Number(ahead) - clocks.node)).toBeLessThan(10);
    expect((await status(world, id)).phase).toBe('ready');
    const { stdout } = await hpcbinder(['list'], { env: world.env });
    expect(stdout).toMatch(/ready · idle \d+ s /);
    expect(stdout).toMatch(new RegExp(`${shown(end, clocks.laptop)} +in [12] min`));

    laptop.set(later.laptop);
    await setNode(later.node);
    const warning = await running.until(isWarning);
    expect(Math.abs(end - now() - 60)).toBeLessThan(7);
    expect(Math.abs(Number(warning.endsIn) - 60)).toBeLessThan(7);
    expect(warning.text).toContain(`ends in 1 min (${shown(end, later.laptop)})`);
    await running.ended();
    // in order, before the scheduler would
    expect(end - now()).toBeGreaterThan(0);
    expect(end - now()).toBeLessThan(27);
    expect(running.events.filter(isWarning)).toHaveLength(1);
    const last = await eventually(
      () => status(world, id),
      ({ phase }) => phase === 'ended',
      30,
    );
    expect(last.ended?.why).toBe('timeout');
    expect(Math.abs(Date.parse(last.ended?.at ?? 'never') / 1000 - later.laptop - now())).toBeLessThan(60);
  } finally {
    await running.close();
  }
}

describe('clocks that are wrong by hours', () => {
  it('F-46: laptop and node in opposite ways, also set meanwhile: countdown, warning and end are the scheduler’s', async () => {
    const outcomes = await Promise.allSettled([
      session({ node: 2 * HOUR, laptop: -3 * HOUR }, { node: 2 * HOUR, laptop: -3 * HOUR }),
      session({ node: -2 * HOUR, laptop: 3 * HOUR }, { node: HOUR, laptop: 0 }),
    ]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }, 300_000);
});
