/** ctrl-C, `--detach`, `open`, and what a launch that came to nothing leaves: nothing on the cluster, its log here. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hpcbinder, on, Running } from './rig.ts';
import { CTRL_C, Terminal } from './terminal.ts';
import { OwnWorld } from './worlds.ts';

const QUICKSTART = ['launch', './examples/quickstart', '--time', '10m', '--mem', '2G'];
let world: OwnWorld;

beforeAll(() => {
  world = new OwnWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const ours = (args: readonly string[]) => hpcbinder(args, { env: world.env });
const there = async (path: string) => (await on('login', 'alice', `ls ${path} 2>/dev/null`)).stdout;

/** The accounting hears of an end some seconds later than the queue. */
async function over(id: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    const line = (await world.jobs()).find((job) => job.includes(`|hb-${id.replace('hb-', '')}`));
    if (line && !/RUNNING|PENDING/.test(line)) return;
    if (Date.now() > deadline) throw new Error(`the job goes on: ${line}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** One GET of a session's page as a browser sends it; `*.localhost` is known to browsers, not to every resolver. */
function get(url: string, cookie?: string): Promise<{ status: number; cookie: string; location: string }> {
  const { host, port, pathname, search } = new URL(url);
  const headers = { host, ...(cookie ? { cookie } : {}) };
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: pathname + search, headers }, (answer) => {
      answer.resume();
      const [set] = answer.headers['set-cookie'] ?? [];
      const { location = '' } = answer.headers;
      resolve({ status: answer.statusCode ?? 0, cookie: set?.split(';')[0] ?? '', location });
    });
    asked.on('error', reject).end();
  });
}

describe('ctrl-C before the submit', () => {
  it('leaves no job, no session and no image; an upload goes on next time where it was', async () => {
    const running = new Running(QUICKSTART, { env: world.env });
    await running.until(({ type, phase, done }) => type === 'update' && phase === 'upload' && Number(done) > 2e7);
    running.interrupt();
    expect(await running.ended()).toBe(130);
    expect(await world.jobs()).toEqual([]);
    expect(await there(`${world.home}/state/sessions`)).toBe('');
    expect(await there(`${world.scratch}/images`)).toMatch(/^[0-9a-f]{32}\.[a-z.0-9]*partial[a-z.0-9]*$/);
    const kept = Number(await there(`${world.scratch}/images/* | xargs stat -c %s`));
    expect(kept).toBeGreaterThan(1e6);
    expect(JSON.parse((await ours(['list', '--json'])).stdout)).toEqual([]);

    const events = new Running([...QUICKSTART, '--detach'], { env: world.env });
    const first = await events.until(
      ({ type, phase, done }) => type === 'update' && phase === 'upload' && Number(done) >= 0,
    );
    expect(Number(first.done)).toBeGreaterThanOrEqual(kept);
    const { id } = await events.until(({ type }) => type === 'submitted');
    expect(await events.ended()).toBe(0);
    expect(await ours(['stop', String(id)])).toMatchObject({ code: 0 });
    expect(await there(`${world.scratch}/images/*.sif`)).toMatch(/\.sif$/);
  });
});

describe('a session that is left', () => {
  it('lives on after --detach and after ctrl-C; list shows it, and open has the same port and takes the same cookie', async () => {
    const detached = await ours([...QUICKSTART, '--detach']);
    expect(detached.code).toBe(0);
    const id = detached.stdout.trim();
    expect(id).toMatch(/^hb-[a-z0-9]{10}$/);

    const opened = new Running(['open', id.slice(3, 9)], { env: world.env });
    const { url, jobId } = await opened.ready();
    const entered = await get(url);
    expect(entered.cookie).toMatch(/^hb_/);
    const lab = new URL('/lab', url).href;
    expect(await get(lab)).toMatchObject({ status: 403 });
    expect(await get(lab, entered.cookie)).toMatchObject({ status: 200 });
    opened.interrupt();
    expect(await opened.ended()).toBe(0);
    await expect(get(lab, entered.cookie)).rejects.toThrow('ECONNREFUSED');

    expect(JSON.parse((await ours(['list', '--json'])).stdout)).toContainEqual(
      expect.objectContaining({ id, jobId, phase: 'ready' }),
    );
    const again = new Running(['open', id], { env: world.env });
    const back = await again.ready();
    expect(new URL(back.url).host).toBe(new URL(url).host);
    expect(await get(lab, entered.cookie)).toMatchObject({ status: 200 });
    await again.close();
    expect(await world.jobs()).toContainEqual(expect.stringMatching(`^${jobId}\\|${id}\\|RUNNING`));
    // as the first has it said, its job is over and nothing of it runs; the second says the same
    expect(await ours(['stop', id])).toMatchObject({ code: 0, stderr: expect.stringMatching(/stop +job \d+ is over/) });
    const left = await Promise.all(
      (['c1', 'c2'] as const).map((node) => on(node, 'root', `pgrep -af '[h]b-${id.slice(3)}'`)),
    );
    expect(left.map(({ stdout }) => stdout)).toEqual(['', '']);
    expect((await on('login', 'alice', `squeue -h -n ${id} -t running,completing,pending`)).stdout).toBe('');
    expect(await ours(['stop', id])).toMatchObject({ code: 0, stderr: expect.stringContaining('was over already') });
  });

  it('ends by a second ctrl-C within five seconds, and that is confirmed', async () => {
    const terminal = new Terminal([...QUICKSTART, '--no-browser'], world.env);
    await terminal.until(/back +hpcbinder open/);
    terminal.type(CTRL_C);
    await terminal.until(/job lives on\.\s+Back: hpcbinder open \w+ · stop: hpcbinder stop/);
    terminal.type(CTRL_C);
    await terminal.until(/ stopped\. Your work is kept: 127\.0\.0\.1:\//);
    expect(await terminal.ended()).toBe(130);
    const [latest] = JSON.parse((await ours(['list', '--json'])).stdout);
    expect(latest).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
    await over(latest.id);
  });

  it('is left in the queue by ctrl-C while it waits there, and the same line says how to come back', async () => {
    const terminal = new Terminal([...QUICKSTART, '--sbatch', '--begin=now+1hour'], world.env);
    await terminal.until(/submit +job \d+/);
    terminal.type(CTRL_C);
    const [, id] = await terminal.until(/job \d+ lives on\.\s+Back: hpcbinder open (\w+) · stop: hpcbinder stop/);
    expect(await terminal.ended()).toBe(130);
    expect((await world.jobs()).filter((line) => line.includes('PENDING'))).toHaveLength(1);
    expect(await ours(['stop', id ?? ''])).toMatchObject({ code: 0 });
    await over(id ?? '');
  });
});

describe('a launch whose build failed', () => {
  it('never became a job, and its log is there by its id', async () => {
    const repo = join(world.dir, 'broken');
    mkdirSync(repo);
    writeFileSync(join(repo, 'requirements.txt'), 'numpy\nno-such-package-of-hpcbinder==1.0\n');
    const jobs = await world.jobs();
    const failed = await ours(['launch', repo]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('requirements.txt:2 asks for no-such-package-of-hpcbinder==1.0');
    expect(failed.stderr).toMatch(/^build +failed after .*$/m);
    expect(failed.stderr).toMatch(/\n\nNothing was submitted\. Nothing is left on 127\.0\.0\.1\.$/);
    const id = /next +hpcbinder logs (\w+) --build/.exec(failed.stderr)?.[1] ?? '';
    const logs = await ours(['logs', id]);
    expect(logs.code).toBe(0);
    expect(logs.stdout).toContain('No matching distribution found for no-such-package-of-hpcbinder==1.0');
    expect(await world.jobs()).toEqual(jobs);
    const report = join(world.dir, 'report.txt');
    expect(await ours(['bugreport', id, '--output', report])).toMatchObject({ code: 0 });
    const text = readFileSync(report, 'utf8');
    expect(statSync(report).mode & 0o777).toBe(0o600);
    for (const part of [
      /^plan \{"schema"/m,
      /^code {4}E-BUILD-PIP$/m,
      /No matching distribution/,
      /^== configuration/m,
    ])
      expect(text).toMatch(part);
  });
});
