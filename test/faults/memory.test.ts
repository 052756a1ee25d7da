/** The controller comes back without its memory and gives its numbers again, to others (SECURITY F-23). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { hpcbinder, on, type Running } from '../e2e/rig.ts';
import type { OwnWorld } from '../e2e/worlds.ts';
import { eventually, Launches, type Shown, startController, status, stop } from './rig.ts';

const CONF = '/etc/slurm/slurm.conf';
let world: OwnWorld;
let launches: Launches;
/** numbers of the others' jobs */
const theirs: string[] = [];

beforeAll(async () => {
  launches = await Launches.begin();
  ({ world } = launches);
});

afterAll(async () => {
  await launches.close();
  // it goes on from the numbers that it gives now
  await on('login', 'root', `sed -i '/^FirstJobId=/d' ${CONF}; scancel ${theirs.join(' ')}`);
  await startController();
  await on('login', 'root', 'scontrol reconfigure');
  await world[Symbol.asyncDispose]();
});

/** One that waits for an hour: its id and its job. */
async function queued(known: readonly string[], ...flags: string[]): Promise<{ running: Running; id: string }> {
  const running = launches.launched('--sbatch', '--begin=now+1hour', ...flags);
  const waits = (all: Shown[]) => all.find(({ id, phase }) => phase === 'queued' && !known.includes(id));
  const found = waits(
    await eventually(
      () => launches.sessions(),
      (all) => waits(all) !== undefined,
      60,
    ),
  );
  if (!found) throw new Error('no session waits');
  return { running, id: found.id };
}

/** The state directory emptied while nobody runs; the first number from now on is `first`. */
async function forget(first: string): Promise<void> {
  const gone = 'pkill slurmctld; while pgrep slurmctld; do sleep 0.2; done';
  const emptied = `find /var/spool/slurmctld -mindepth 1 -delete && echo FirstJobId=${first} >> ${CONF}`;
  const { code, stderr } = await on('login', 'root', `timeout 60 bash -c '${gone}' && ${emptied}`);
  if (code !== 0) throw new Error(stderr);
  await startController();
}

async function stranger(user: 'alice' | 'bob', name = 'stranger'): Promise<void> {
  const words = `sbatch --parsable -p debug -n 1 --mem 100 -o /dev/null -J ${name} --wrap 'sleep 900'`;
  const { stdout, stderr } = await on('login', user, `cd; ${words}`);
  if (!/^\d+$/.test(stdout)) throw new Error(stderr);
  theirs.push(stdout);
}

it('F-23: sessions whose numbers others have now are told as ended, and those others are left alone', async () => {
  const live = launches.launched();
  const session = await live.ready();
  const waiting = await queued([]);
  const alone = await queued([waiting.id], '--detach');
  expect(await alone.running.ended()).toBe(0);
  const numbers = await Promise.all(
    [session.id, waiting.id, alone.id].map(async (id) => (await status(world, id)).jobId),
  );

  await forget(session.jobId);
  // of the same user, of another one under the session's very name, and of the same user for one that nobody watches
  await stranger('alice');
  await stranger('bob', waiting.id);
  await stranger('alice');
  expect(theirs).toEqual(numbers);

  // of what became of the jobs that it forgot, accounting alone knows
  expect(await live.until(({ type }) => type === 'ended', 120_000)).toMatchObject({ id: session.id, why: 'cancelled' });
  const failed = await waiting.running.until(({ type }) => type === 'error', 120_000);
  expect(failed).toMatchObject({ code: 'E-JOB-FAILED', next: `hpcbinder logs ${waiting.id.slice(3, 7)}` });
  expect(failed.message).toContain('ended before the app was ready: cancelled at the scheduler');
  expect(await stop(world, alone.id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
  expect(await stop(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'cancelled' } });
  await hpcbinder(['list', '--refresh'], { env: world.env });
  expect((await launches.sessions()).map(({ phase }) => phase)).toEqual(['ended', 'ended', 'ended']);

  const queue = await on('login', 'root', "squeue -h -S i -o '%A %T'");
  expect(queue.stdout.split('\n')).toEqual(theirs.map((id) => `${id} RUNNING`));
  expect((await on('c2', 'root', 'pgrep -u alice -f jupyter')).stdout).toBe('');

  const again = launches.launched();
  const next = await again.ready();
  expect(numbers).not.toContain(next.jobId);
  expect(await stop(world, next.id)).toMatchObject({ ended: { why: 'stopped' } });
});
