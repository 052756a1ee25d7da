/** The job's own limits (DESIGN 7): they hold with the laptop shut, a running cell is use, an open tab alone is none. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureBrowser, launchBrowser, openLab } from '../browser.mjs';
import { notRun } from '../not-run.ts';
import { Client } from './client.ts';
import { leftAfter, NOTHING, type Traces, tracesOf } from './oracles.ts';
import { CLUSTER, hpcbinder, on, type Ready, Running } from './rig.ts';

const IDLE = 15;
/** The agent asks Jupyter each quarter of the limit, looks at its limits each second, and needs a moment to write. */
const LATE = IDLE / 4 + 5;
/** Our clock looked at the use after the agent's did. */
const EARLY = 5;

/** Longer, for a browser on a busy machine takes its time to show the page. */
const TAB_IDLE = 40;

type Shown = {
  id: string;
  phase: string;
  directory: string;
  workDirectory: string;
  startedAt: number;
  endsAt: number;
  idle?: { busyKernels: number };
  ended?: { why: string; at: string; detail?: string };
};
type Started = { running: Running; ready: Ready; shown: Shown; traces: Traces; usedAt: number };

const running: Running[] = [];
const sessions = new Map<Name, Started>();
type Name = 'quiet' | 'busy' | 'tab' | 'old' | 'long';

/** Starts one and prepares it by `use`; afterwards nothing touches it but its limits. */
async function launch(name: Name, limits: readonly string[], use: (ready: Ready) => Promise<unknown>): Promise<void> {
  const asked = ['--cluster', CLUSTER, '--partition', 'debug', '--cpus', '1', '--mem', '1G', ...limits];
  const cli = new Running(['launch', './examples/quickstart', ...asked]);
  running.push(cli);
  const ready = await cli.ready();
  const shown = await status(ready.id);
  const traces = await tracesOf(ready, shown.directory);
  await use(ready);
  sessions.set(name, { running: cli, ready, shown, traces, usedAt: Date.now() / 1000 });
}

function session(name: Name): Started {
  const found = sessions.get(name);
  if (!found) throw new Error(`${name} was not started`);
  return found;
}

async function status(id: string): Promise<Shown> {
  return JSON.parse((await hpcbinder(['status', id, '--json'])).stdout) as Shown;
}

async function whenEnded(id: string, seconds: number): Promise<Shown> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const now = await status(id);
    if (now.phase === 'ended') return now;
    if (Date.now() > deadline) throw new Error(`${id} still runs after ${seconds} s: ${JSON.stringify(now)}`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

/** Work directories are kept: what an earlier run put there must not end this one's cell. */
const FINISH = `finish-${randomUUID()}`;

/** Prints, then goes on until somebody puts that file into the work directory. */
const LONG_CELL = `
import os, time
print("begun", flush=True)
while not os.path.exists("${FINISH}"):
    time.sleep(0.2)
`;

async function startLongCell(ready: Ready): Promise<Client> {
  const client = await Client.enter(ready.url);
  expect(await client.run(await client.startKernel(), LONG_CELL)).toContain('begun');
  return client;
}

/** Seconds since the epoch by the node's clock. */
const endedAt = (shown: Shown) => Date.parse(shown.ended?.at ?? '') / 1000;

let browser: Awaited<ReturnType<typeof launchBrowser>> | undefined;

beforeAll(async () => {
  // Stored once: the launches below run at the same time.
  const built = await hpcbinder(['build', './examples/quickstart', '--cluster', CLUSTER, '--partition', 'debug']);
  expect(built).toMatchObject({ code: 0 });
  // Its minute has begun when it is ready, so it is started alone.
  await launch('long', ['--time', '1m'], async (ready) => {
    await (await startLongCell(ready)).save('late.txt', 'at the last moment');
  });
  const idle = ['--idle', `${IDLE}s`];
  await Promise.all([
    launch('quiet', idle, async (ready) => (await Client.enter(ready.url)).save('kept.txt', 'by hand')),
    launch('busy', idle, startLongCell),
    launch('old', ['--max-age', '45s'], startLongCell),
  ]);
  await Promise.all([session('quiet').running.close(), session('busy').running.close()]);
  if (!ensureBrowser()) return;
  browser = await launchBrowser();
  const opened = browser;
  await launch('tab', ['--idle', `${TAB_IDLE}s`], (ready) => openLab(opened, ready.url));
});

afterAll(async () => {
  await browser?.close();
  await Promise.all(running.map((cli) => cli.close()));
  for (const { ready } of sessions.values()) await hpcbinder(['stop', ready.id]);
});

describe('a session ends by itself', () => {
  it('after its idle limit with nobody connected, says why, and keeps the work', async () => {
    const { ready, shown, traces, usedAt } = session('quiet');
    const ended = await whenEnded(ready.id, IDLE + LATE);
    expect(ended.ended).toMatchObject({ why: 'idle', detail: expect.stringMatching(/^not used for \d+ s$/) });
    expect(endedAt(ended) - usedAt).toBeGreaterThanOrEqual(IDLE - EARLY);
    expect(endedAt(ended) - usedAt).toBeLessThanOrEqual(IDLE + LATE);
    const { stdout } = await hpcbinder(['list', '--all']);
    expect(stdout.split('\n').find((line) => line.startsWith(ready.id.slice(3, 7)))).toContain('ended: nobody used it');
    expect(await on('login', 'alice', `cat '${shown.workDirectory}/kept.txt'`)).toMatchObject({ stdout: 'by hand' });
    expect(await leftAfter(traces)).toEqual(NOTHING);
  });

  it('before its walltime does it, in order and in use: the state is `timeout` and the work is kept', async () => {
    const { running: cli, ready, shown, traces } = session('long');
    const over = await cli.until((event) => event.type === 'ended', 60_000);
    expect(over).toMatchObject({ why: 'timeout', detail: 'the walltime of 60 s ended' });
    expect(await cli.ended()).toBe(0);
    const ended = await status(ready.id);
    expect(ended.endsAt - ended.startedAt).toBe(60);
    expect(endedAt(ended)).toBeLessThan(ended.endsAt - 10);
    const { stdout } = await hpcbinder(['status', ready.id]);
    expect(stdout).toMatch(/^state +ended: walltime over$/m);
    const file = await on('login', 'alice', `cat '${shown.workDirectory}/late.txt'`);
    expect(file).toMatchObject({ code: 0, stdout: 'at the last moment' });
    expect(await leftAfter(traces)).toEqual(NOTHING);
  });

  it('at its greatest age, in use or not', async () => {
    const { running: cli, ready, traces } = session('old');
    const over = await cli.until((event) => event.type === 'ended', 60_000);
    expect(over).toMatchObject({ why: 'max-age', detail: 'older than 45 s' });
    const ended = await status(ready.id);
    expect(endedAt(ended) - ended.startedAt).toBeGreaterThanOrEqual(45);
    expect(endedAt(ended) - ended.startedAt).toBeLessThanOrEqual(50);
    expect(await leftAfter(traces)).toEqual(NOTHING);
  });

  it('though its page is open in a browser: looking is no use', async () => {
    if (!browser) return notRun('an open tab and the idle limit: there is no Chromium here');
    const { running: cli, ready, traces, usedAt } = session('tab');
    expect(await cli.until((event) => event.type === 'ended', 60_000)).toMatchObject({ why: 'idle' });
    expect(endedAt(await status(ready.id)) - usedAt).toBeLessThanOrEqual(TAB_IDLE + LATE);
    expect(await leftAfter(traces)).toEqual(NOTHING);
  });

  it('not while a cell runs, though no browser is connected; then, its idle limit after the cell', async () => {
    const { ready, shown, traces, usedAt } = session('busy');
    const wait = usedAt + 2 * IDLE + LATE - Date.now() / 1000;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait * 1000)));
    expect(await status(ready.id)).toMatchObject({ phase: 'ready', idle: { busyKernels: 1 } });
    expect((await on('login', 'alice', `touch '${shown.workDirectory}/${FINISH}'`)).code).toBe(0);
    const finished = Date.now() / 1000;
    const ended = await whenEnded(ready.id, IDLE + LATE);
    expect(ended.ended?.why).toBe('idle');
    expect(endedAt(ended) - finished).toBeGreaterThanOrEqual(IDLE - EARLY);
    expect(endedAt(ended) - finished).toBeLessThanOrEqual(IDLE + LATE);
    expect(await leftAfter(traces)).toEqual(NOTHING);
  });
});
