/**
 * The walltime's end through the campus endpoint (docs/faults.md, F-29): alice types and does not save, is told in the endpoint's
 * page and in JupyterLab, and finds her text on the cluster. On a laptop: walltime.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { SessionView } from '../../core/endpoint.ts';
import { launchBrowser } from '../browser.mjs';
import { on } from '../e2e/rig.ts';
import { type Campus, campus } from './campus.ts';
import { launched, opened, type Person, ready, signedIn, stopped } from './campus-people.ts';
import { shown, textFile, type, withoutAutosave } from './lab.ts';
import { eventually } from './rig.ts';

const MINUTE = 60_000;

let site: Campus;
let browser: Browser;
let alice: Person;
let lab: Page;
let id: string;
let first: SessionView;

beforeAll(async () => {
  browser = await launchBrowser();
  site = await campus();
}, 8 * MINUTE);

afterAll(async () => {
  await browser?.close();
  await site?.[Symbol.asyncDispose]();
});

const session = async (which: string) =>
  (await (await alice.context.request.get(`${site.url}/api/v1/sessions/${which}`)).json()) as SessionView;
const inWork = async (name: string) => (await on('login', 'alice', `cat '${first.workDirectory}'/${name}`)).stdout;
const card = () => alice.page.locator(`[data-session="${id}"]`);

describe('F-29: the walltime ends at the campus endpoint', () => {
  it(
    'alice types into a file and does not save; her sessions page counts down',
    async () => {
      const link = `${site.url}/${site.link}?partition=debug&cpus=1&mem=1G&time=2m&urlpath=lab`;
      alice = await signedIn(browser, site, 'alice@campus', link);
      id = await launched(alice);
      first = await session(id);
      lab = await opened(alice, site, id);
      await withoutAutosave(lab);
      await textFile(lab, 'typed.txt');
      await shown(lab, 'typed.txt');
      await type(lab, 'typed.txt', 'never saved by hand\n');
      expect(await inWork('typed.txt')).toBe('typed.txt');
      expect(await card().locator('.countdown.soon').textContent()).toMatch(
        /ends .*in [0-9].*Save what you need\. Your work directory is kept\./,
      );
    },
    9 * MINUTE,
  );

  it(
    'is told in JupyterLab a minute before, and what she typed is saved by then',
    async () => {
      const toast = lab.locator('.Toastify__toast', { hasText: 'ends in 1 min' });
      await toast.waitFor({ timeout: 3 * MINUTE });
      expect(await toast.textContent()).toMatch(/Your work is kept; go on later with: Relaunch in My sessions/);
      const saved = await eventually(
        () => inWork('typed.txt'),
        (text) => text.includes('never'),
        20,
      );
      expect(saved).toBe('typed.txt\nnever saved by hand');
      const { warnings } = (await session(id)) as SessionView & { warnings: string[] };
      expect(warnings).toEqual([expect.stringMatching(/ends in 1 min .*Saved: 1 file in the open page\./s)]);
      await type(lab, 'typed.txt', 'at the last moment\n');
    },
    4 * MINUTE,
  );

  it(
    'after the end the file has all of it, and the card says by itself why it ended and where the work is',
    async () => {
      await card()
        .locator('.why')
        .waitFor({ timeout: 3 * MINUTE });
      expect(await inWork('typed.txt')).toBe('typed.txt\nnever saved by hand\nat the last moment');
      expect(await session(id)).toMatchObject({ phase: 'ended', ended: { why: 'timeout' } });
      expect(await card().textContent()).toMatch(/ended: walltime over.*Work \/home\/alice\/hpcbinder\/.*Relaunch/s);
      const page = await lab.reload();
      expect(page?.status()).toBeGreaterThanOrEqual(400);
      expect(await lab.textContent('body')).toMatch(/walltime over.*hpcbinder\//s);
    },
    4 * MINUTE,
  );

  it(
    'is launched again by one click with the same settings, and goes on with the same files',
    async () => {
      await card().locator('form[action$="/relaunch"] button').click();
      await alice.page.waitForURL(/\/launches\/la-/);
      const next = await ready(alice.page, 3);
      expect(next).not.toBe(id);
      const second = await session(next);
      expect([second.request, second.app, second.workDirectory]).toEqual([
        first.request,
        first.app,
        first.workDirectory,
      ]);
      const again = await opened(alice, site, next);
      await shown(again, 'typed.txt');
      await stopped(alice, site, next);
    },
    5 * MINUTE,
  );
});
