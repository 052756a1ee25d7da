/** The scheduler frozen, slow, strict or forgetful, under sessions that wait and sessions that run (docs/faults.md). */
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Client } from '../e2e/client.ts';
import { on, type Ready, type Running } from '../e2e/rig.ts';
import type { OwnWorld } from '../e2e/worlds.ts';
import { configured, eventually, inQueue, Launches, startController, status, stop } from './rig.ts';

let world: OwnWorld;
let launches: Launches;

beforeAll(async () => {
  launches = await Launches.begin();
  ({ world } = launches);
  world.entry.path = [`${world.home}/bin`];
  world.write();
  await on('login', 'alice', `mkdir -p ${world.home}/bin`);
});

afterEach(async () => {
  await on('login', 'root', `pkill -CONT slurmctld; rm -f ${world.home}/bin/*`);
  await startController();
  await launches.stopAll();
});

afterAll(() => world[Symbol.asyncDispose]());

async function waiting(): Promise<{ running: Running; id: string; jobId: string }> {
  const running = launches.launched('--sbatch', '--begin=now+1hour');
  await inQueue(running, /^waiting: /);
  const found = (await launches.sessions()).find(({ phase }) => phase === 'queued');
  if (!found) throw new Error('no session waits');
  return { running, id: found.id, jobId: found.jobId };
}

it('F-21: frozen, a live session goes on, every command has its own end, and a new launch says what it waits for and makes one job', async () => {
  const session: Ready = await launches.launched().ready();
  const client = await Client.enter(session.url);
  expect(await on('login', 'root', 'pkill -STOP slurmctld')).toMatchObject({ code: 0 });
  expect(await client.send('GET', '/api')).toMatchObject({ status: 200 });
  expect(await status(world, session.id)).toMatchObject({ phase: 'ready' });
  const other = launches.launched('--detach');
  const doubt = /no answer to the submit; looking for the job by its name/;
  await other.until(({ phase, text }) => phase === 'submit' && doubt.test(String(text)), 120_000);
  expect(await client.send('GET', '/api')).toMatchObject({ status: 200 });
  await on('login', 'root', 'pkill -CONT slurmctld');
  const asking = () => on('login', 'root', "pgrep -u alice -x 'squeue|sinfo|sacct|sbatch|scontrol'; true");
  expect((await eventually(asking, ({ stdout }) => stdout === '', 30)).stdout).toBe('');
  expect(await status(world, session.id)).toMatchObject({ phase: 'ready' });
  expect(await other.ended()).toBe(0);
  const { stdout } = await on('login', 'root', `squeue -h -u alice -o '%j %Z' | grep -c ${world.home}/`);
  expect(stdout).toBe('2');
});

it('F-22: where users see only their own jobs a session is seen, and one that the controller forgot is asked of accounting', async () => {
  await using _ = await configured('PrivateData=jobs', 'MinJobAge=2');
  const { running, id, jobId } = await waiting();
  expect((await on('login', 'bob', `squeue -h -j ${jobId}`)).stdout).toBe('');
  expect(await status(world, id)).toMatchObject({ phase: 'queued', jobId });
  await running.kill();
  await on('login', 'root', `scancel ${jobId}`);
  const forgotten = () => on('login', 'root', `squeue -h -j ${jobId}`);
  expect(await eventually(forgotten, ({ code }) => code !== 0, 120)).toMatchObject({ code: 1 });
  const told = await eventually(
    () => status(world, id),
    ({ phase }) => phase === 'ended',
    60,
  );
  expect(told).toMatchObject({ phase: 'ended', ended: { why: 'cancelled' } });
});

it('F-28: held, then without a node, the launch says why it waits, and ctrl-C leaves the job with the line that stops it', async () => {
  const { running, id, jobId } = await waiting();
  await on('login', 'root', `scontrol hold ${jobId}`);
  await inQueue(running, /held by an administrator/);
  await on('login', 'root', 'scontrol update nodename=c2 state=drain reason=test');
  try {
    const from = running.events.length;
    await on('login', 'root', `scontrol release ${jobId}; scontrol update jobid=${jobId} starttime=now`);
    await inQueue(
      running,
      /down or reserved|no node that is up|as soon as nodes become free|scheduler has not looked/,
      from,
    );
  } finally {
    await on('login', 'root', 'scontrol update nodename=c2 state=resume');
  }
  running.interrupt();
  expect(await running.ended()).toBe(130);
  expect((await on('login', 'root', `squeue -h -o %i --name=${id}`)).stdout).toBe(jobId);
  expect(await stop(world, id)).toMatchObject({ phase: 'ended' });
  expect(await stop(world, id)).toMatchObject({ phase: 'ended' });
});

it('F-28: a job that has not begun by --max-wait is cancelled, and the launch ends with that reason', async () => {
  const running = launches.launched('--sbatch', '--begin=now+1hour', '--max-wait', '15s');
  const { code, message } = await running.until(({ type }) => type === 'error', 120_000);
  expect({ code, message }).toMatchObject({
    code: 'E-MAX-WAIT',
    message: expect.stringMatching(/not begun after 15 s/),
  });
  expect(await running.ended()).toBe(75);
  const [newest] = await launches.sessions();
  expect((await on('login', 'root', `squeue -h -t all -o %T -j ${newest?.jobId}`)).stdout).toBe('CANCELLED');
});

it('F-31: with a limit on the rate of requests, a launch and its wait stay below it', async () => {
  const before = (await on('login', 'root', "grep -ci 'rate limit exceeded' /var/log/slurm/slurmctld.log")).stdout;
  // a bucket of 30 and 2 a second, as slurm.conf(5) has them where a site says no more
  await using _ = await configured('SlurmctldParameters=rl_enable');
  const { running } = await waiting();
  await new Promise((resolve) => setTimeout(resolve, 45_000));
  expect(running.events.some(({ type, text }) => type === 'update' && /does not answer/.test(String(text)))).toBe(
    false,
  );
  const session = await launches.launched().ready();
  expect(await status(world, session.id)).toMatchObject({ phase: 'ready' });
  expect((await on('login', 'root', "grep -ci 'rate limit exceeded' /var/log/slurm/slurmctld.log")).stdout).toBe(
    before,
  );
});

it('F-32: half an answer is none, and the settings of the login shell change no question', async () => {
  const exports =
    'export SQUEUE_FORMAT=%i SQUEUE_SORT=-i SQUEUE_STATES=PD SLURM_TIME_FORMAT=relative LC_ALL=C.UTF-8 SACCT_FORMAT=jobid';
  await on('login', 'alice', `cp ~/.bashrc ~/.bashrc.kept; sed -i '1i ${exports}' ~/.bashrc`);
  try {
    const { running, id } = await waiting();
    const half = `#!/bin/sh\\n/usr/bin/squeue "$@" | head -c 9\\nkill -KILL $$\\n`;
    await on('login', 'alice', `printf '${half}' > ${world.home}/bin/squeue; chmod 755 ${world.home}/bin/squeue`);
    await inQueue(running, /^the scheduler does not answer at the moment; still waiting$/);
    expect(await status(world, id)).toMatchObject({ phase: 'queued' });
    const from = running.events.length;
    await on('login', 'alice', `rm ${world.home}/bin/squeue`);
    await inQueue(running, /^waiting: its begin time/, from);
  } finally {
    await on('login', 'alice', 'mv ~/.bashrc.kept ~/.bashrc');
  }
});

it('F-33: where sbatch adds the cluster to the number, the session is found, asked for and stopped all the same', async () => {
  await on('login', 'alice', "cp ~/.bashrc ~/.bashrc.kept; sed -i '1i export SLURM_CLUSTERS=devcluster' ~/.bashrc");
  try {
    const { id, jobId } = await launches.launched().ready();
    expect(jobId).toMatch(/^[0-9]+$/);
    expect(await status(world, id)).toMatchObject({ phase: 'ready', jobId, job: { state: 'running' } });
    expect(await stop(world, id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
    expect((await on('login', 'root', `squeue -h -n ${id}`)).stdout).toBe('');
  } finally {
    await on('login', 'alice', 'mv ~/.bashrc.kept ~/.bashrc');
  }
});

it('F-34: a prolog that fails ends the launch with what the scheduler says of it', async () => {
  await on('c2', 'root', "printf '#!/bin/sh\\nexit 1\\n' > /etc/slurm/prolog; chmod 755 /etc/slurm/prolog");
  try {
    await using _ = await configured('Prolog=/etc/slurm/prolog');
    const running = launches.launched();
    const failed = await running.until(({ type }) => type === 'error', 120_000).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'E-JOB-FAILED' });
  } finally {
    await on('c2', 'root', 'rm /etc/slurm/prolog');
    const up = () => on('login', 'root', 'scontrol update nodename=c2 state=resume; sinfo -h -n c2 -p gpu -o %t');
    await eventually(up, ({ stdout }) => stdout === 'idle', 60);
  }
});

it('F-35: the session’s directory gone while the job waits, the job ends, and its session with it', async () => {
  const { running, id, jobId } = await waiting();
  await on('login', 'root', `rm -rf ${world.home}/state/sessions/${id}`);
  await on('login', 'root', `scontrol update jobid=${jobId} starttime=now`);
  const failed = await running.until(({ type }) => type === 'error', 120_000).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 'E-JOB-FAILED' });
  expect((await launches.sessions()).find((one) => one.id === id)).toMatchObject({
    phase: 'ended',
    ended: { why: 'failed' },
  });
});
