/** The laptop's side lost between `sbatch` and its answer (docs/faults.md). */
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { hpcbinder, on, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { Line } from './line.ts';
import { eventually, launchOf, type Shown, status, stop } from './rig.ts';

let world: OwnWorld;
let line: Line;
let sif: string;

beforeAll(async () => {
  sif = await storedImage();
  world = new OwnWorld();
  line = await Line.to(world.entry.port);
  world.entry.path = [`${world.home}/bin`];
  world.through(line);
  await slowSbatch();
});

afterEach(() => on('login', 'root', `rm -f ${world.home}/accepted`));

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await line?.close();
});

/** Slurm's own sbatch; its answer is held back for ten seconds, and a file says that there is one. */
async function slowSbatch(): Promise<void> {
  const wrapper = `#!/bin/sh\nanswer=$(/usr/bin/sbatch "$@") || exit\ntouch ${world.home}/accepted; sleep 10; echo "$answer"\n`;
  const make = `mkdir -p ${world.home}/bin; printf '${wrapper.replaceAll('\n', '\\n')}' > ${world.home}/bin/sbatch; chmod 755 ${world.home}/bin/sbatch`;
  expect(await on('login', 'alice', make)).toMatchObject({ code: 0 });
}

const accepted = () =>
  eventually(
    () => on('login', 'root', `ls ${world.home}/accepted`),
    ({ code }) => code === 0,
    60,
  );

async function killedInSubmit(): Promise<void> {
  const running = new Running(launchOf(sif), { env: world.env });
  await running.until(({ type, phase }) => type === 'start' && phase === 'submit');
  expect(await accepted()).toMatchObject({ code: 0 });
  await running.kill();
}

async function known(...flags: string[]): Promise<Shown[]> {
  return JSON.parse((await hpcbinder(['list', '--json', ...flags], { env: world.env })).stdout);
}

/** The accounting hears of an end some seconds later than the queue. */
const live = () =>
  eventually(
    async () => (await world.jobs()).filter((job) => /RUNNING|PENDING/.test(job)),
    (jobs) => jobs.length === 0,
    30,
  );
/** O3: a line for each agent that got the session's lock */
const starts = async ({ directory }: Shown) => (await on('login', 'alice', `wc -l < ${directory}/starts.log`)).stdout;

it('F-04: killed after sbatch and before its answer, the next launch goes on with that job and submits none', async () => {
  await killedInSubmit();
  const [cut] = await known();
  expect(cut).toMatchObject({ phase: 'submitting' });
  expect(cut?.jobId).toBeUndefined();
  const again = new Running(launchOf(sif), { env: world.env });
  try {
    const session = await again.ready();
    expect(session.id).toBe(cut?.id);
    expect(again.events).toContainEqual({
      type: 'note',
      text: `an earlier launch was cut off, its job ${session.jobId} was submitted: this launch goes on with it`,
    });
    expect((await world.jobs()).map((job) => job.split('|').slice(0, 2))).toEqual([[session.jobId, session.id]]);
    const shown = await status(world, session.id);
    expect(shown).toMatchObject({ phase: 'ready', jobId: session.jobId });
    expect(await starts(shown)).toBe('1');
    expect(await stop(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
    expect(await live()).toEqual([]);
  } finally {
    await again.close();
  }
});

it('F-04: list --refresh finds the job by its name, and stop ends it, though no answer ever came', async () => {
  await killedInSubmit();
  const [found] = await known('--refresh');
  expect(found).toMatchObject({ jobId: expect.stringMatching(/^\d+$/) });
  expect(await stop(world, found?.id ?? '')).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
  expect(await live()).toEqual([]);
});

it('F-04: another launch has a session of its own, and says where the job of the first is', async () => {
  await killedInSubmit();
  const [cut] = await known();
  const other = await hpcbinder([...launchOf(sif), '--mem', '1500M', '--detach', '--json'], { env: world.env });
  expect(other.code).toBe(0);
  expect(other.stdout).toMatch(
    /an earlier launch was cut off, its job \d+ was submitted: hpcbinder open [a-z0-9]{4} goes on/,
  );
  const both = await known();
  expect(both.filter(({ phase }) => phase !== 'ended')).toHaveLength(2);
  for (const { id } of both.filter(({ phase }) => phase !== 'ended'))
    expect(await stop(world, id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
  expect(both.map(({ id }) => id)).toContain(cut?.id);
  expect(await live()).toEqual([]);
});

it('F-12: the line lost at that moment, the launch asks for its job by name over a new one, and becomes ready with it', async () => {
  const running = new Running(launchOf(sif), { env: world.env });
  try {
    await running.until(({ type, phase }) => type === 'start' && phase === 'submit');
    expect(await accepted()).toMatchObject({ code: 0 });
    const before = (await world.jobs()).length;
    line.cut();
    line.mend({ lost: true });
    line.giveUpLost();
    const session = await running.ready();
    const shown = await status(world, session.id);
    expect(shown).toMatchObject({ phase: 'ready', jobId: session.jobId });
    expect(await starts(shown)).toBe('1');
    const jobs = await world.jobs();
    expect(jobs.filter((job) => job.includes(`|${session.id}|`))).toHaveLength(1);
    expect(jobs.length - before).toBeLessThanOrEqual(1);
    expect(await stop(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
  } finally {
    await running.close();
  }
});
