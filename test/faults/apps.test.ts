/**
 * A real Shiny app, Debian's r-cran-shiny, through the whole chain, and RStudio where HPCBINDER_TEST_RSTUDIO names its package
 * (docs/apps.md). The image of the first launch is that of all others.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ensureBrowser, launchBrowser } from '../browser.mjs';
import { knock } from '../e2e/bob.ts';
import { Client } from '../e2e/client.ts';
import { hunt, left, leftAfter, NOTHING, secretsOf, type Traces, tracesOf } from '../e2e/oracles.ts';
import { CLUSTER, hpcbinder, on, type Ready, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { notRun } from '../not-run.ts';
import type { Shown } from './rig.ts';

type App = { running: Running; ready: Ready; shown: Shown; traces: Traces };

const dir = mkdtempSync(join(tmpdir(), 'hb-apps-'));
const where = ['--cluster', CLUSTER, '--partition', 'debug', '--cpus', '1', '--mem', '1G', '--time', '20m'];
const running: Running[] = [];
let browser: Awaited<ReturnType<typeof launchBrowser>>;
let one: App;
let two: App;

const status = async (id: string) =>
  JSON.parse((await hpcbinder(['status', id, '--json'])).stdout) as Shown & { idle?: { busyKernels: number } };

async function launch(repo: string, ...flags: string[]): Promise<App> {
  const started = new Running(['launch', repo, ...where, ...flags]);
  running.push(started);
  const ready = await started.ready(400_000);
  const shown = await status(ready.id);
  return { running: started, ready, shown, traces: await tracesOf(ready, shown.directory) };
}

async function open(link: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(link, { timeout: 60_000 });
  return page;
}

/** What the app has drawn last: the number of its steps, and its process. */
async function drawn(
  page: Page,
  holds: (steps: number) => boolean,
): Promise<{ steps: number; node: string; pid: number }> {
  for (let n = 0; ; n++) {
    const text = (await page.locator('#where').textContent()) ?? '';
    const [, steps, node = '', pid] = /^(\d+) steps on (\w+), process (\d+)$/.exec(text) ?? [];
    if (steps !== undefined && holds(Number(steps))) return { steps: Number(steps), node, pid: Number(pid) };
    if (n > 100) throw new Error(`the app shows "${text}"`);
    await page.waitForTimeout(200);
  }
}

async function drag(page: Page, by: number): Promise<void> {
  const handle = await page.locator('.irs-handle.single').boundingBox();
  if (!handle) throw new Error('there is no slider');
  await page.mouse.move(handle.x + 5, handle.y + 5);
  await page.mouse.down();
  await page.mouse.move(handle.x + 5 + by, handle.y + 5, { steps: 5 });
  await page.mouse.up();
}

/** A repository of its own environment, which is that of the example. */
function repository(name: string, files: Record<string, string>): string {
  const path = mkdtempSync(join(dir, `${name}-`));
  for (const [file, text] of Object.entries({ 'apt.txt': 'r-cran-shiny\n', ...files }))
    writeFileSync(join(path, file), text);
  return path;
}

beforeAll(async () => {
  ensureBrowser();
  browser = await launchBrowser();
  one = await launch('./examples/shiny', '--sbatch', '--nodelist=c1');
  two = await launch('./examples/shiny', '--sbatch', '--nodelist=c1');
});

afterAll(async () => {
  await browser?.close();
  await Promise.all(running.map((cli) => cli.close()));
  rmSync(dir, { recursive: true, force: true });
});

describe('two sessions of a Shiny app on one node', () => {
  it('each react to their own tab in Chromium, over a WebSocket (NET-03)', async () => {
    expect([one.ready.node, two.ready.node]).toEqual(['c1', 'c1']);
    const pages = [await open(one.ready.url), await open(two.ready.url)] as const;
    const begun = await Promise.all(pages.map((page) => drawn(page, (steps) => steps === 500)));
    const sockets: string[] = [];
    pages[0].on('websocket', (socket) => sockets.push(socket.url()));
    await pages[0].reload();
    await drawn(pages[0], (steps) => steps === 500);
    expect(sockets).toEqual([`${new URL(one.ready.url).origin.replace('http', 'ws')}/websocket/`]);
    const plot = () => pages[0].locator('#walk img').getAttribute('src');
    const before = await plot();
    await drag(pages[0], 120);
    const moved = await drawn(pages[0], (steps) => steps > 500);
    await pages[0].waitForFunction((old) => document.querySelector('#walk img')?.getAttribute('src') !== old, before);
    expect(moved.node).toBe('c1');
    expect((await drawn(pages[1], () => true)).steps).toBe(500);
    await drag(pages[1], -60);
    await drawn(pages[1], (steps) => steps < 500);
    // each in a container of its own: their numbers may be the same inside
    expect(begun.map(({ pid }) => pid)).toEqual([moved.pid, expect.any(Number)]);
    expect(one.traces.pid).not.toBe(two.traces.pid);
    expect(one.traces.nodeDirectory).not.toBe(two.traces.nodeDirectory);
    expect(await status(one.ready.id)).toMatchObject({ phase: 'ready', app: 'shiny' });
  });

  it('open one port each, the agent’s; all else is a socket in a directory that is hers alone', async () => {
    for (const { traces, shown } of [one, two]) {
      const { sockets, processes } = await left(traces);
      expect(processes.join('\n')).toMatch(/--file=\/run\/hb\/shiny\.R/);
      expect(sockets.sort()).toEqual([`tcp anywhere ${shown.address?.port}`, 'unix /run/hb/app.sock']);
      const { stdout } = await on(
        traces.node,
        'root',
        `stat -c '%U %a' ${traces.nodeDirectory} ${traces.nodeDirectory}/run ${traces.nodeDirectory}/run/app.sock`,
      );
      expect(stdout).toBe('alice 700\nalice 700\nalice 600');
    }
    expect(one.shown.address?.port).not.toBe(two.shown.address?.port);
  });

  it('are no way in for bob, on the node or from here, and their links work once', async () => {
    for (const { traces, shown, ready } of [one, two]) {
      const door = { host: '127.0.0.1', port: shown.address?.port ?? 0 };
      const say = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
      expect((await knock(traces.node, 'bob', door, { say })).answer).toBe('');
      expect((await knock(traces.node, 'bob', door, { say, alpn: 'http/1.1' })).answer).toBe('');
      const connect = `import socket; s = socket.socket(socket.AF_UNIX); s.connect("${traces.nodeDirectory}/run/app.sock")`;
      const tried = await on(traces.node, 'bob', `python3 -c '${connect}'`);
      expect(tried.stderr).toContain('PermissionError');
      const { hits, looked } = await hunt(
        traces.node,
        'bob',
        await secretsOf(shown.directory, traces.node),
        ready.jobId,
      );
      expect(hits).toEqual([]);
      expect(looked.processes).toBeGreaterThan(3);
      const audit = await hpcbinder(['audit', ready.id, '--json']);
      expect(audit.code).toBe(0);
      await expect(Client.enter(ready.url)).rejects.toThrow('no cookie');
    }
  });

  it('leave nothing on the node', async () => {
    for (const { ready } of [one, two]) expect(await hpcbinder(['stop', ready.id])).toMatchObject({ code: 0 });
    expect(await one.running.until((event) => event.type === 'ended')).toMatchObject({ why: 'stopped' });
    expect(await leftAfter(one.traces)).toEqual(NOTHING);
    expect(await leftAfter(two.traces)).toEqual(NOTHING);
  });
});

it('Shiny is not idle while R works for a click, and is with its tab open and nobody there', async () => {
  const app = `library(shiny)
shinyApp(
  fluidPage(actionButton("work", "Work"), textOutput("done")),
  onStart = function() onStop(function() writeLines("in order", "ended.txt")),
  server = function(input, output) output$done <- renderText(if (input$work > 0) { Sys.sleep(35); "worked" } else "waits")
)
`;
  const { ready, running: cli } = await launch(repository('idle', { 'app.R': app }), '--app', 'shiny', '--idle', '15s');
  const page = await open(ready.url);
  await page.locator('#done', { hasText: 'waits' }).waitFor();
  await page.locator('#work').click();
  await page.waitForTimeout(25_000);
  expect(await status(ready.id)).toMatchObject({ phase: 'ready', idle: { busyKernels: 1 } });
  const told = await hpcbinder(['list']);
  expect(told.stdout).toMatch(/ready · busy(?! \()/);
  await page.locator('#done', { hasText: 'worked' }).waitFor({ timeout: 30_000 });
  const worked = Date.now();
  expect(await cli.until((event) => event.type === 'ended', 60_000)).toMatchObject({ why: 'idle' });
  expect(Date.now() - worked).toBeGreaterThan(9_000);
  expect((await on('login', 'alice', `cat '${ready.workDirectory}/ended.txt'`)).stdout).toBe('in order');
});

describe('what is missing is said', () => {
  const refused = async (...args: string[]) => {
    const { code, stderr } = await hpcbinder(['launch', ...args, ...where, '--no-browser']);
    expect(code).toBe(1);
    expect(stderr).toContain('E-IMAGE-APP');
    return stderr;
  };

  it('before anything is built: a repository without an app, or with several', async () => {
    const none = await refused(repository('none', {}), '--app', 'shiny');
    expect(none).toContain('the repository lacks a Shiny app');
    expect(none).toContain('Nothing was submitted.');
    const app = 'shiny::shinyApp(NULL, function(input, output) NULL)\n';
    const two = repository('several', {});
    for (const name of ['left', 'right']) {
      mkdirSync(join(two, name));
      writeFileSync(join(two, name, 'app.R'), app);
    }
    expect(await refused(two, '--app', 'shiny')).toContain(
      'it lies in 2 folders (left, right), and in none at its top',
    );
  });

  it('by the session, of an image that was there already: no R, no RStudio Server', async () => {
    const sif = ['--sif', await storedImage()];
    expect(await refused(...sif, '--app', 'shiny')).toContain('the image lacks R: there is no Rscript');
    expect(await refused('./examples/shiny', '--app', 'rstudio')).toContain(
      'the image lacks RStudio Server: there is no rserver',
    );
  });
});

const { HPCBINDER_TEST_RSTUDIO: debian } = process.env;
if (!debian) notRun('RStudio: not run, for HPCBINDER_TEST_RSTUDIO names no package of rstudio-server');
else
  it('RStudio opens, computes in its console, and listens on sockets of its own alone (NET-03)', async () => {
    const path = repository('rstudio', {
      Dockerfile: `FROM docker.io/library/python:3.13-slim-trixie
COPY rstudio-server.deb /tmp/
RUN useradd --create-home --uid 1000 jovyan && apt-get update && apt-get install -y --no-install-recommends r-base-core /tmp/rstudio-server.deb
COPY . /srv/repo
USER jovyan
WORKDIR /srv/repo
`,
    });
    copyFileSync(debian, join(path, 'rstudio-server.deb'));
    const { ready, traces, shown } = await launch(path, '--app', 'rstudio');
    const page = await open(ready.url);
    const console = page.locator('#rstudio_console_input textarea');
    await console.waitFor({ state: 'attached', timeout: 120_000 });
    await console.focus();
    await page.keyboard.type('cat("so", 6 * 7, getwd())\n');
    await page.locator('#rstudio_console_output', { hasText: 'so 42 /srv/repo' }).waitFor({ timeout: 60_000 });
    const { sockets } = await left(traces);
    expect(sockets.filter((socket) => socket.startsWith('tcp'))).toEqual([`tcp anywhere ${shown.address?.port}`]);
    for (const socket of sockets.filter((name) => name.startsWith('unix'))) expect(socket).toMatch(/^unix \/run\/hb\//);
    await hpcbinder(['stop', ready.id]);
    expect(await leftAfter(traces)).toEqual(NOTHING);
  });
