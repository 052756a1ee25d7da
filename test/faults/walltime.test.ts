/** The walltime's end with an open page, with none, and what comes after it (docs/faults.md, F-29). */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ensureBrowser, launchBrowser, openLab } from '../browser.mjs';
import { hpcbinder, on, type Ready, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { put, shown, textFile, type, withoutAutosave } from './lab.ts';
import { eventually, type Shown, status } from './rig.ts';

type Saved = { pages: number; files: number; failed: string[] };
type Later = Shown & { workDirectory: string; endsAt: number; saved?: Saved };

let world: OwnWorld;
let typed: Running;
let quiet: Running;
let first: Ready;
let browser: Awaited<ReturnType<typeof launchBrowser>> | undefined;
let page: Page;
const running: Running[] = [];

const launch = (sif: string, time: string) => {
  const started = new Running(['launch', '--sif', sif, '--partition', 'debug', '--cpus', '1', '--time', time], {
    env: world.env,
  });
  running.push(started);
  return started;
};

const NOTEBOOK = {
  cells: [{ cell_type: 'code', execution_count: null, id: 'one', metadata: {}, outputs: [], source: '1' }],
  metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
  nbformat: 4,
  nbformat_minor: 5,
};

const inWork = async (name: string) => (await on('login', 'alice', `cat '${first.workDirectory}'/${name}`)).stdout;
const later = (id: string) => status(world, id) as Promise<Later>;
const isWarning = (event: { type: string }) => event.type === 'warning';
const isEnded = (event: { type: string }) => event.type === 'ended';

beforeAll(async () => {
  ensureBrowser();
  browser = await launchBrowser();
  const sif = await storedImage();
  world = new OwnWorld();
  typed = launch(sif, '5m');
  first = await typed.ready();
  quiet = launch(sif, '2m');
  page = await openLab(browser, first.url);
  await withoutAutosave(page);
  for (const name of ['typed.txt', 'clash.txt']) await textFile(page, name);
  await put(page, 'api/contents/typed.ipynb', { type: 'notebook', content: NOTEBOOK });
  await shown(page, 'typed.ipynb');
});

afterAll(async () => {
  await browser?.close();
  await Promise.all(running.map((cli) => cli.close()));
  await on('login', 'root', 'sacctmgr -i modify user alice set adminlevel=none');
  await world?.[Symbol.asyncDispose]();
});

describe('F-29: the walltime ends', () => {
  it('with no page open: that is said, at the warning, at the end and in the status', async () => {
    const { id } = await quiet.ready();
    const none = { pages: 0, files: 0, failed: [] };
    const warning = await quiet.until(isWarning, 120_000);
    expect(warning).toMatchObject({ id, saved: none });
    expect(warning.text).toContain(`go on later with: hpcbinder launch --continue ${id.slice(3, 7)}`);
    expect(warning.text).toContain('No page of JupyterLab is open: nothing could be saved.');
    expect(await quiet.until(isEnded, 120_000)).toMatchObject({ why: 'timeout', saved: none });
    const told = await hpcbinder(['status', id], { env: world.env });
    expect(told.stdout).toMatch(/^saved +.*No page of JupyterLab is open/m);
    const log = await hpcbinder(['logs', id], { env: world.env });
    expect(log.stdout).toContain('No page of JupyterLab is open: nothing could be saved.');
  });

  it('with a page open: at the warning a text file and a notebook are saved, and the page says when the end is', async () => {
    await type(page, 'typed.txt', 'never saved by hand\n');
    await type(page, 'typed.ipynb', '# typed into a cell');
    expect(await inWork('typed.txt')).toBe('typed.txt');
    const warning = await typed.until(isWarning, 300_000);
    expect(warning).toMatchObject({ id: first.id, saved: { pages: 1, files: 2, failed: [] } });
    expect(await inWork('typed.txt')).toBe('typed.txt\nnever saved by hand');
    expect(await inWork('typed.ipynb')).toContain('# typed into a cell');
    const toast = page.locator('.Toastify__toast', { hasText: 'ends in 1 min' });
    await toast.waitFor({ timeout: 10_000 });
    expect(await toast.textContent()).toContain(`hpcbinder launch --continue ${first.id.slice(3, 7)}`);
  });

  it('once more right before it: what was typed since is in the file; a file that was changed on the disk is not overwritten', async () => {
    await type(page, 'clash.txt', 'of the page\n');
    await on('login', 'alice', `echo 'of a program' >>'${first.workDirectory}'/clash.txt`);
    await type(page, 'typed.txt', 'at the last moment\n');
    const over = await typed.until(isEnded, 120_000);
    expect(over).toMatchObject({ why: 'timeout', saved: { pages: 1, files: 1 } });
    expect((over.saved as Saved).failed).toEqual([expect.stringContaining('clash.txt: ')]);
    expect(await inWork('typed.txt')).toBe('typed.txt\nnever saved by hand\nat the last moment');
    expect(await inWork('clash.txt')).toBe('clash.txt\nof a program');
    expect(await inWork('clash.txt.~unsaved')).toBe('clash.txt\nof the page');
    expect(await typed.ended()).toBe(0);
  });

  it('launch --continue has the same work and the same address: the old tab finds it by itself, with no new link', async () => {
    const next = new Running(['launch', '--continue', first.id, '--time', '10m'], { env: world.env });
    running.push(next);
    const ready = await next.ready();
    expect(ready.id).not.toBe(first.id);
    expect(new URL(ready.url).origin).toBe(new URL(first.url).origin);
    expect(ready.workDirectory).toBe(first.workDirectory);
    // the page has met another session under its address; a dialog of the old one may be open in it
    await shown(page, 'typed.txt');
    const text = await page.evaluate(async () => (await fetch('/files/typed.txt')).text());
    expect(text).toContain('at the last moment');

    const before = await later(ready.id);
    const refused = await hpcbinder(['extend', ready.id, '1h'], { env: world.env });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('lets the owner of a job only shorten it');
    expect(refused.stderr).toContain(`hpcbinder launch --continue ${ready.id.slice(3, 7)} --time 1h`);
    await on('login', 'root', 'sacctmgr -i modify user alice set adminlevel=operator');
    const asked = ['extend', ready.id, '1h', '--json'];
    const given = await eventually(
      () => hpcbinder(asked, { env: world.env }),
      ({ code }) => code === 0,
      30,
    );
    const ends = before.endsAt + 3600;
    expect(JSON.parse(given.stdout)).toMatchObject({ type: 'extended', id: ready.id, endsAt: ends, seconds: 4200 });
    expect(await later(ready.id)).toMatchObject({ phase: 'ready', endsAt: ends });
    const file = await on('login', 'alice', `cat ${(await later(ready.id)).directory}/address.json`);
    expect(JSON.parse(file.stdout)).toMatchObject({ endsAt: ends });
    expect(await next.until(isWarning, 30_000)).toMatchObject({ endsAt: ends });

    await page.close();
    const stopped = await hpcbinder(['stop', ready.id], { env: world.env });
    expect(stopped).toMatchObject({ code: 0 });
    expect(stopped.stderr).toContain('No page of JupyterLab was open, so none was asked to save.');
  });
});
