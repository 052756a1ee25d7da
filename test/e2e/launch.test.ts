/** The product's one sentence: a repository opens in a real browser and runs on a compute node, contained, its work kept. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { ensureBrowser, kernelReady, launchBrowser, newNotebook, openLab, withoutNews } from '../browser.mjs';
import { notRun } from '../not-run.ts';
import { hpcbinder, on, type Ready, ROOT, Running } from './rig.ts';
import { OwnWorld } from './worlds.ts';

type Run = (code: string, timeout?: number) => Promise<string>;

const hasBrowser = ensureBrowser() !== undefined;

let world: OwnWorld;
let browser: Browser | undefined;
let running: Running;
let session: Ready;
let page: Page;
let run: Run;

/** A copy has a work directory of its own; the image is the quickstart's. */
const launch = (...more: string[]) =>
  new Running(
    ['launch', join(world.dir, 'quickstart'), '--partition', 'gpu', '--time', '20m', '--mem', '2G', ...more],
    {
      env: world.env,
    },
  );

/** In a terminal of the container: what a shell there says, and its exit code. */
const shell = (command: string) =>
  run(
    `import subprocess\nr = subprocess.run(${JSON.stringify(command)}, shell=True, text=True, capture_output=True)\nprint(r.returncode, (r.stdout + r.stderr).strip())`,
    120_000,
  );

beforeAll(async () => {
  world = new OwnWorld();
  cpSync(join(ROOT, 'examples', 'quickstart'), join(world.dir, 'quickstart'), { recursive: true });
  const data = `${world.scratch}/data`;
  await on('login', 'alice', `mkdir -p ${data} ~/.ssh; echo measured > ${data}/field.txt`);
  running = launch('--bind', `${data}:/data:ro`, '--bind', `${data}:/results`);
  session = await running.ready();
});

afterAll(async () => {
  await browser?.close();
  await running?.close();
  await world[Symbol.asyncDispose]();
});

it('says where it runs, until when, and where the work is', async () => {
  expect(session.node).toBe('c2');
  expect(session.url).toMatch(new RegExp(`^http://${session.id}\\.localhost:[0-9]+/\\?c=`));
  expect(session.workDirectory).toMatch(new RegExp(`^${world.home}/work/local/quickstart-[0-9a-f]{6}$`));
  expect(session.endsAt - Date.now() / 1000).toBeGreaterThan(18 * 60);
});

const inBrowser = () => {
  beforeAll(async () => {
    browser = await launchBrowser();
    page = await openLab(browser, session.url);
    run = await newNotebook(page);
  });

  it('runs its kernel on c2, in the job, with the GPU that the job was given', async () => {
    const code =
      'import os, socket\nprint(socket.gethostname(), os.environ["SLURM_JOB_ID"], os.environ["CUDA_VISIBLE_DEVICES"])';
    expect(await run(code)).toMatch(new RegExp(`^c2 ${session.jobId} [01]$`));
  });

  it('has left no code in the address bar, and shows JupyterLab', async () => {
    expect(page.url()).not.toContain('c=');
    expect(await page.title()).toContain('JupyterLab');
  });

  it("shows the repository's files", async () => {
    const listed = await page.locator('.jp-DirListing-itemText').allTextContents();
    expect(listed).toEqual(expect.arrayContaining(['README.md', 'index.ipynb', 'requirements.txt']));
    expect(await shell('ls')).toContain('README.md\nUntitled.ipynb\nindex.ipynb\nrequirements.txt');
  });

  it('has room for 1 GB in /tmp', async () => {
    const wrote = 'head -c 1000000000 /dev/zero > /tmp/large && wc -c < /tmp/large; rm -f /tmp/large';
    expect(await shell(wrote)).toBe('0 1000000000');
  });

  it("sees nothing of the user's home", async () => {
    const there = await on('c2', 'alice', 'test -d ~/.ssh && echo there');
    expect(there.stdout).toBe('there');
    expect(await shell('ls ~/.ssh')).toMatch(/^2 .*No such file or directory$/);
    expect(await shell('ls /home/alice')).toMatch(/^(2 .*No such file|0 (?!.*hpcbinder))/);
  });

  it('sees what was bound: to read only, or to write as well', async () => {
    expect(await shell('cat /data/field.txt')).toBe('0 measured');
    expect(await shell('touch /data/mine')).toMatch(/^1 .*Read-only file system$/);
    expect(await shell('echo computed > /results/mine.txt')).toBe('0');
    expect((await on('login', 'alice', `cat ${world.scratch}/data/mine.txt`)).stdout).toBe('computed');
  });

  it('runs the notebook of the repository from top to bottom, and can be photographed for the README', async () => {
    const other = await page.context().newPage();
    await withoutNews(other);
    await other.goto(new URL('/lab/workspaces/photo/tree/index.ipynb', page.url()).href);
    const notebook = other.locator('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook');
    await notebook.locator('.jp-CodeCell').first().waitFor();
    await kernelReady(other, 'index.ipynb');
    const first = notebook.locator('.jp-OutputArea-output').first();
    for (let tries = 0; tries < 4 && (await first.count()) === 0; tries++) {
      // again where JupyterLab, still at its start, took no notice
      await other.getByRole('menuitem', { name: 'Run', exact: true }).click();
      await other.getByRole('menuitem', { name: /^Run All Cells/ }).click();
      await first.waitFor({ timeout: 30_000 }).catch(() => {});
    }
    expect(await first.textContent()).toMatch(/host: c2\s+CUDA_VISIBLE_DEVICES: [01]/);
    const path = process.env.HPCBINDER_SCREENSHOT;
    if (path) {
      await notebook.locator('.jp-Cell').first().click();
      await other.screenshot({ path });
    }
    // what is below the fold is rendered when it is scrolled to
    for (const image = notebook.locator('.jp-RenderedImage img'); (await image.count()) === 0; ) {
      await notebook.locator('.jp-CodeCell').last().hover();
      await other.mouse.wheel(0, 400);
      await other.waitForTimeout(200);
    }
    await other.close();
  }, 240_000);

  it('keeps a file of the work directory over stop and the next launch', async () => {
    expect(await shell('echo by hand > kept.txt')).toBe('0');
    const stopped = await hpcbinder(['stop', session.id], { env: world.env });
    expect([stopped.code, stopped.stderr]).toEqual([0, expect.stringContaining(session.workDirectory)]);
    expect(await running.ended()).toBe(0);
    expect((await on('login', 'alice', `cat '${session.workDirectory}/kept.txt'`)).stdout).toBe('by hand');

    running = launch();
    const next = await running.ready();
    expect(next.workDirectory).toBe(session.workDirectory);
    const again = await openLab(browser as Browser, next.url);
    await again.locator('.jp-DirListing-itemText', { hasText: 'kept.txt' }).waitFor({ timeout: 30_000 });
    const text = await again.evaluate(() =>
      fetch('/api/contents/kept.txt')
        .then((answer) => answer.json())
        .then((file) => (file as { content: string }).content),
    );
    expect(text).toBe('by hand\n');
    expect(await hpcbinder(['stop', next.id], { env: world.env })).toMatchObject({ code: 0 });
  });
};

if (hasBrowser) describe('the quickstart in Chromium', inBrowser);
else notRun('the quickstart in a browser: there is no Chromium here');
