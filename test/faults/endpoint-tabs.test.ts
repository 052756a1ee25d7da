/**
 * A browser's own ways with the campus endpoint (docs/faults.md, F-55): many tabs, whose streams are more than it has connections
 * for; the way back; two tabs on one session; cookies off.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, launchProfile, newNotebook, withoutNews } from '../browser.mjs';
import { root } from './as-user-rig.ts';
import { type Campus, campus } from './campus.ts';
import { acting, opened, type Person, ready, signedIn, stopped } from './campus-people.ts';

const MINUTE = 60_000;
/** more than the six connections that a browser has for one host */
const TABS = 8;

let site: Campus;
let browser: Browser;
let alice: Person;
let tabs: Page[];
let id: string;

beforeAll(async () => {
  browser = await launchBrowser();
  site = await campus();
  await root('scontrol update nodename=c2 state=drain reason=a-full-partition');
}, 8 * MINUTE);

afterAll(async () => {
  await root('scontrol update nodename=c2 state=resume || true');
  await browser?.close();
  await site?.[Symbol.asyncDispose]();
});

const inQueue = (page: Page) =>
  page.locator('.phases li.running', { hasText: 'waiting' }).waitFor({ timeout: 2 * MINUTE });

describe('F-55: one browser, many tabs', () => {
  it(
    'shows the progress of a launch in more tabs than it has connections, and goes on loading pages',
    async () => {
      alice = await signedIn(browser, site, 'alice@campus', `${site.url}/${site.link}?gpus=1&urlpath=lab`);
      await alice.page.click('button:has-text("Launch")');
      await alice.page.waitForURL(/\/launches\/la-/);
      const asked: string[] = [];
      alice.context.on('request', (request) => asked.push(new URL(request.url()).pathname.split('/').at(-1) ?? ''));
      tabs = [alice.page];
      while (tabs.length < TABS) {
        const tab = await alice.context.newPage();
        await tab.goto(alice.page.url(), { timeout: MINUTE });
        tabs.push(tab);
      }
      await Promise.all(tabs.map(inQueue));
      // three listen, the others ask
      expect(asked.filter((word) => word === 'events').length).toBeLessThanOrEqual(3);
      expect(asked).toContain('phases');
      const before = Date.now();
      const another = await alice.context.newPage();
      await another.goto(`${site.url}/sessions`, { timeout: MINUTE });
      await another.locator('.card, .underway').first().waitFor();
      expect(Date.now() - before).toBeLessThan(MINUTE / 2);
      await another.close();
    },
    9 * MINUTE,
  );

  it(
    'hands a stream on when a tab is closed, and all tabs see the launch become ready',
    async () => {
      const [first, ...others] = tabs;
      const handed = Promise.race(others.map((tab) => tab.waitForRequest(/\/events$/, { timeout: MINUTE })));
      await first?.goto('about:blank');
      await handed;
      await root('scontrol update nodename=c2 state=resume');
      const ids = await Promise.all(others.map((tab) => ready(tab, 4)));
      expect(new Set(ids).size).toBe(1);
      id = ids[0] ?? '';
    },
    6 * MINUTE,
  );

  it(
    'comes back by the back button to a page that is live again',
    async () => {
      const [, page] = tabs;
      if (!page) throw new Error('no tab');
      await page.goto(`${site.url}/sessions`);
      await page.goto(`${site.url}/badge`);
      await page.goBack();
      const answered = page.waitForResponse(/\/api\/v1\/sessions$/, { timeout: MINUTE });
      await page.locator(`[data-session="${id}"] button:has-text("Open")`).waitFor();
      expect((await answered).status()).toBe(200);
      for (const tab of tabs.slice(1)) await tab.close();
      alice = { context: alice.context, page: await alice.context.newPage() };
    },
    3 * MINUTE,
  );

  it(
    'opens one session in two tabs; both work, and a cell of one does not wait for the other',
    async () => {
      const first = await opened(alice, site, id);
      const second = await opened(alice, site, id);
      expect(new URL(second.url()).origin).toBe(new URL(first.url()).origin);
      await withoutNews(second);
      const run = await newNotebook(first);
      const other = await newNotebook(second);
      expect(await run('a = 6; print(a * 7)')).toBe('42');
      expect(await other('print(6 * 9)')).toBe('54');
      expect(await run('print(a)')).toBe('6');
    },
    5 * MINUTE,
  );

  it(
    'says so where cookies are switched off, at sign-in and at a session',
    async () => {
      const profile = mkdtempSync(join(tmpdir(), 'hb-no-cookies-'));
      mkdirSync(join(profile, 'Default'));
      const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
      writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify(settings));
      const context = await launchProfile(profile);
      try {
        const page = await context.newPage();
        // with it begins what the sign-in service would lead back to
        expect((await page.goto(`${site.url}/sign-in/callback?code=x&state=y`))?.status()).toBe(400);
        expect(await page.textContent('body')).toContain('this browser takes no cookies from here');
        const headers = await acting(alice, site);
        const path = `${site.url}/api/v1/sessions/${id}/open`;
        const { url } = (await (await alice.context.request.post(path, { headers, data: {} })).json()) as {
          url: string;
        };
        expect((await page.goto(url))?.status()).toBe(403);
        expect(await context.cookies()).toEqual([]);
        expect(await page.textContent('body')).toContain('a browser that takes none from this address');
        expect(await page.locator('a').getAttribute('href')).toBe(`${site.url}/sessions`);
      } finally {
        await context.close();
        rmSync(profile, { recursive: true, force: true });
      }
      await stopped(alice, site, id);
    },
    3 * MINUTE,
  );
});
