/** The laptop's side lost in the middle of a session: the line, then the program (docs/faults.md). */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { leftAfter, NOTHING, tracesOf } from '../e2e/oracles.ts';
import { on, Running } from '../e2e/rig.ts';
import { eventually, type Far, farSession, launchOf, status, stop } from './rig.ts';

let far: Far;

beforeAll(async () => {
  far = await farSession(launchOf);
});

afterAll(async () => {
  await far?.[Symbol.asyncDispose]();
});

/** Milliseconds for which nothing passes. */
async function outage(ms: number, how: { lost: boolean }): Promise<void> {
  far.line.cut();
  await new Promise((resolve) => setTimeout(resolve, ms));
  far.line.mend(how);
}

const page = () => far.client.send('GET', '/api').catch(() => undefined);
const answers = (seconds: number) => eventually(page, (reply) => reply?.status === 200, seconds);

it('F-13: a line that is silent for 10 s and then goes on is waited for', async () => {
  const before = await far.client.startKernel();
  const asked = outage(10_000, { lost: false });
  expect(await answers(30)).toMatchObject({ status: 200 });
  await asked;
  expect(await far.client.run(before, 'print("here")')).toContain('here');
  expect(far.running.events.some(({ type }) => type === 'ended')).toBe(false);
});

it('F-13: where the old connection stays silent for good, a new one is made, and the proxy serves again', async () => {
  const kernel = await far.client.startKernel();
  expect(await far.client.run(kernel, 'x = 6; print("kept")')).toContain('kept');
  await outage(10_000, { lost: true });
  expect(await answers(150)).toMatchObject({ status: 200 });
  expect(await far.client.run(kernel, 'print(x * 7)')).toContain('42');
  expect(await status(far.world, far.session.id)).toMatchObject({ phase: 'ready', jobId: far.session.jobId });
  far.line.giveUpLost();
});

it('F-05: the program killed, its job lives; open has the same port and takes the same cookie; stop ends it all', async () => {
  const { world, session, client, running } = far;
  const traces = await tracesOf(session, (await status(world, session.id)).directory);
  const children = childrenOf(running.pid);
  await running.kill();
  expect(children.filter((pid) => commandOf(pid) !== '')).toEqual([]);
  await expect(client.send('GET', '/api')).rejects.toThrow('ECONNREFUSED');
  const logins = () => on('login', 'root', "pgrep -u alice -x 'sshd.*' -l; true");
  expect((await eventually(logins, ({ stdout }) => stdout === '', 30)).stdout).toBe('');
  const { stdout } = await on('login', 'root', `squeue -h -o %T -j ${session.jobId}`);
  expect(stdout).toBe('RUNNING');

  const opened = new Running(['open', session.id], { env: world.env });
  try {
    const again = await opened.ready();
    expect(again).toMatchObject({ id: session.id, jobId: session.jobId });
    expect(new URL(again.url).host).toBe(new URL(session.url).host);
    expect((await client.send('GET', '/api')).status).toBe(200);

    expect(await stop(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
    expect(await opened.ended()).toBe(0);
  } finally {
    await opened.close();
  }
  expect(await leftAfter(traces)).toEqual(NOTHING);
  expect((await eventually(logins, (now) => now.stdout === '', 30)).stdout).toBe('');
});

function childrenOf(parent: number): string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((pid) => new RegExp(`^PPid:\\t${parent}$`, 'm').test(read(`/proc/${pid}/status`)));
}

function commandOf(pid: string): string {
  return read(`/proc/${pid}/cmdline`);
}

/** '' where the process is gone meanwhile */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
