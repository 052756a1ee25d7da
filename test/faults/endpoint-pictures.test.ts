/**
 * The endpoint's pages with a real session behind them, as wide as a desk and as a phone. With HPCBINDER_TEST_PICTURES=FOLDER each is
 * also written down: the pictures of the docs (docs/images/endpoint-*.png) are these.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { kernelReady, launchBrowser } from '../browser.mjs';
import { root } from './as-user-rig.ts';
import { type Campus, campus } from './campus.ts';
import { opened, type Person, ready, signedIn, stopped } from './campus-people.ts';

const MINUTE = 60_000;
const FOLDER = process.env.HPCBINDER_TEST_PICTURES;
const DESK = { width: 1000, height: 720 };
const PHONE = { width: 390, height: 760 };
/** what a page of the docs may load, bytes */
const MOST = 120_000;

let site: Campus;
let browser: Browser;
let alice: Person;
let id: string;

beforeAll(async () => {
  browser = await launchBrowser();
  // work of other tests would be in the pictures
  await root('rm -rf /home/alice/hpcbinder');
  site = await campus();
}, 8 * MINUTE);

afterAll(async () => {
  await root('scancel -u bob');
  await browser?.close();
  await site?.[Symbol.asyncDispose]();
});

async function picture(page: Page, name: string): Promise<void> {
  if (!FOLDER) return;
  const path = join(FOLDER, `endpoint-${name}.png`);
  await page.screenshot({ path, animations: 'disabled' });
  expect([name, statSync(path).size < MOST]).toEqual([name, true]);
}

/** Nothing sticks out at the right. */
const fits = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);

describe("the endpoint's pages over a real cluster", () => {
  it(
    'show what a badge asks for, looked up',
    async () => {
      const link = `${site.url}/${site.link}?partition=gpu&gpus=1&time=2h&urlpath=lab/tree/index.ipynb`;
      alice = await signedIn(browser, site, 'alice@campus', link, { viewport: DESK });
      await alice.page.locator('.check.good').first().waitFor({ timeout: MINUTE });
      expect(await fits(alice.page)).toBe(true);
      await picture(alice.page, 'launch');
    },
    MINUTE * 2,
  );

  it(
    'say in words what a launch waits for, while another has the GPUs',
    async () => {
      const { page } = alice;
      await root('su bob -c \'cd && sbatch -Q -p gpu --gres=gpu:2 -t 20 --wrap "sleep 1200"\'');
      await page.click('button:has-text("Launch")');
      await page.waitForURL(/\/launches\/la-/);
      const queue = page.locator('.phases li.running', { hasText: /waiting: (?!the scheduler has not looked)/ });
      await queue.waitFor({ timeout: 5 * MINUTE });
      // the scheduler's own words are no sentence for people
      expect(await queue.textContent()).not.toMatch(/\((?:Resources|Priority)\)/);
      await picture(page, 'progress');
      await root('scancel -u bob');
      id = await ready(page);
    },
    10 * MINUTE,
  );

  it(
    "open the badge's notebook in JupyterLab on the node that was waited for",
    async () => {
      const lab = await opened(alice, site, id);
      await kernelReady(lab, 'index.ipynb');
      const output = lab.locator('.jp-OutputArea-output', { hasText: 'host: c2' });
      for (let tries = 0; tries < 10 && (await output.count()) === 0; tries++) {
        await lab.locator('.jp-CodeCell .cm-content').first().click();
        await lab.keyboard.press('Shift+Enter');
        await output.waitFor({ timeout: 5000 }).catch(() => {});
      }
      expect(await output.textContent()).toMatch(/host: c2\s+CUDA_VISIBLE_DEVICES: 0/);
      await lab.evaluate(() => document.querySelector('.jp-Notebook')?.scrollTo(0, 0));
      await picture(lab, 'jupyterlab');
      // something to plot
      const work =
        'import time\nheld = bytearray(3 << 30)\nend = time.time() + 200\nwhile time.time() < end: sum(range(10_000))';
      const cell = lab.locator('.jp-CodeCell').first();
      await cell.locator('.cm-content').click();
      await lab.keyboard.press('Control+A');
      await lab.keyboard.insertText(work);
      await cell.locator('.cm-content').press('Shift+Enter');
      await cell.locator('.jp-InputArea-prompt', { hasText: '[*]' }).waitFor({ timeout: MINUTE });
    },
    5 * MINUTE,
  );

  it(
    'plot what the session uses, beside what was asked for, and what is left of its time',
    async () => {
      const { page } = alice;
      await page.goto(`${site.url}/sessions`);
      const card = page.locator(`[data-session="${id}"]`);
      // a point each half minute
      await page.waitForFunction(
        () => (document.querySelector('.plots path')?.getAttribute('d') ?? '').split('L').length > 3,
        undefined,
        {
          timeout: 4 * MINUTE,
          polling: 2000,
        },
      );
      expect(await card.textContent()).toMatch(/busy.*ends .*in .*or after 1 h without use/s);
      expect(await card.locator('.plots').textContent()).toMatch(/CPU.*of 2.*[Mm]emory/s);
      await picture(page, 'sessions');
    },
    6 * MINUTE,
  );

  it(
    'fit on a phone, one column wide',
    async () => {
      const { page } = alice;
      await page.setViewportSize(PHONE);
      for (const path of ['', 'badge', 'tokens', 'me', 'sessions']) {
        await page.goto(`${site.url}/${path}`);
        expect([path, await fits(page)]).toEqual([path, true]);
      }
      await page.locator('.plots path').first().waitFor({ timeout: MINUTE });
      await picture(page, 'phone');
      await page.setViewportSize(DESK);
    },
    2 * MINUTE,
  );

  it(
    'show an admin who runs what, and the policy with its lines',
    async () => {
      const dave = await signedIn(browser, site, 'dave@campus', `${site.url}/admin`, { viewport: DESK });
      expect(await dave.page.textContent('main')).toMatch(/alice/);
      expect(await fits(dave.page)).toBe(true);
      await picture(dave.page, 'admin');
      await dave.context.close();
      await stopped(alice, site, id);
    },
    4 * MINUTE,
  );
});
