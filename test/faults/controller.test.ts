/** The scheduler's controller frozen, killed, and told to requeue (docs/faults.md). */
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Client } from '../e2e/client.ts';
import { hpcbinder, on, type Ready, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { inQueue, launchOf, type Shown, startController, status, stop } from './rig.ts';

let world: OwnWorld;
let sif: string;
let running: Running;
let session: Ready;

beforeAll(async () => {
  sif = await storedImage();
  world = new OwnWorld();
});

afterEach(startController);

afterAll(async () => {
  await running?.close();
  await world[Symbol.asyncDispose]();
});

/** The queue's own word; accounting hears of a job only when its time has come. */
const stateOf = async (id: string) => (await on('login', 'root', `squeue -h -o %T --name=${id}`)).stdout;

it('F-11: frozen while sbatch waits for its answer, the job is submitted once, and the session becomes ready', async () => {
  const written = `until compgen -G '${world.home}/state/sessions/*/job.sh'; do sleep 0.01; done`;
  const freeze = 'pkill -STOP slurmctld; sleep 15; pkill -CONT slurmctld';
  const thawed = on('login', 'root', `timeout 120 bash -c "${written}" && { ${freeze}; }`);
  running = new Running(launchOf(sif), { env: world.env });
  session = await running.ready();
  expect((await thawed).code).toBe(0);
  const submitted = running.events.find(({ type, phase }) => type === 'done' && phase === 'submit');
  expect(Number(submitted?.seconds)).toBeGreaterThan(9);
  expect((await world.jobs()).map((line) => line.split('|').slice(0, 3))).toEqual([
    [session.jobId, session.id, 'RUNNING'],
  ]);
  expect(await status(world, session.id)).toMatchObject({ phase: 'ready', jobId: session.jobId });
});

it('F-24: told to requeue the job, the scheduler refuses, and the session goes on', async () => {
  const refused = await on('login', 'root', `scontrol requeue ${session.jobId}`);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('disabled') });
  const { stdout } = await on('login', 'root', `scontrol show job ${session.jobId}`);
  expect(stdout).toMatch(/JobState=RUNNING.* Requeue=0 Restarts=0 /s);
  expect(await status(world, session.id)).toMatchObject({ phase: 'ready' });
});

it('F-20: dead for a minute, a live session answers as before, one in the queue says so, and neither is ended', async () => {
  const client = await Client.enter(session.url);
  const waiting = new Running([...launchOf(sif), '--sbatch', '--begin=now+1hour'], { env: world.env });
  try {
    await inQueue(waiting, /^waiting: /);
    const known: Shown[] = JSON.parse((await hpcbinder(['list', '--json'], { env: world.env })).stdout);
    const id = known.find(({ phase }) => phase === 'queued')?.id ?? '';
    expect(id).toMatch(/^hb-/);
    // what it has not written down yet, no controller remembers after a SIGKILL
    const saved = `until grep -qa ${id} /var/spool/slurmctld/job_state; do sleep 0.2; done`;
    expect((await on('login', 'root', `timeout 30 bash -c '${saved}'`)).code).toBe(0);

    expect((await on('login', 'root', 'pkill -KILL slurmctld')).code).toBe(0);
    const until = Date.now() + 60_000;
    const answers = new Set<number>();
    while (Date.now() < until) {
      answers.add((await client.send('GET', '/api')).status);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
    expect([...answers]).toEqual([200]);
    await inQueue(waiting, /^the scheduler does not answer at the moment; still waiting$/);
    expect((await on('login', 'root', 'scontrol ping')).stdout).toContain('is DOWN');
    expect(await status(world, session.id)).toMatchObject({ phase: 'ready' });
    expect(await status(world, id)).toMatchObject({ phase: 'queued' });

    const outage = waiting.events.length;
    await startController();
    await inQueue(waiting, /^waiting: /, outage);
    expect([await stateOf(id), await stateOf(session.id)]).toEqual(['PENDING', 'RUNNING']);
    expect((await client.send('GET', '/api')).status).toBe(200);
    expect(await stop(world, id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
    expect(await stop(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
    expect(await running.ended()).toBe(0);
  } finally {
    await waiting.close();
  }
});
