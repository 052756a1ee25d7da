/**
 * The end for idleness through the campus endpoint: the limit is the policy's, the agent keeps it; it is said in the sessions page
 * and in the open app, put off by a click, and the card says why it came (DESIGN 7).
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { SessionView } from '../../core/endpoint.ts';
import { launchBrowser } from '../browser.mjs';
import { type Campus, campus } from './campus.ts';
import { acting, launched, opened, type Person, signedIn } from './campus-people.ts';
import { eventually } from './rig.ts';

const MINUTE = 60_000;

let site: Campus;
let browser: Browser;
let alice: Person;
let lab: Page;
let id: string;

beforeAll(async () => {
  browser = await launchBrowser();
  site = await campus({ culling: { idle: '100s' } });
}, 8 * MINUTE);

afterAll(async () => {
  await browser?.close();
  await site?.[Symbol.asyncDispose]();
});

const session = async () =>
  (await (await alice.context.request.get(`${site.url}/api/v1/sessions/${id}`)).json()) as SessionView;
const card = () => alice.page.locator(`[data-session="${id}"]`);
const toast = (text: string) => lab.locator('.Toastify__toast', { hasText: text });

describe('a session that nobody uses', () => {
  it(
    'has the limit of the policy, and the page says which',
    async () => {
      const link = `${site.url}/${site.link}?partition=debug&cpus=1&mem=1G&time=30m`;
      alice = await signedIn(browser, site, 'alice@campus', link);
      id = await launched(alice);
      lab = await opened(alice, site, id);
      expect(await card().locator('.countdown').textContent()).toMatch(/or after 100 s without use/);
      expect((await session()).idleSeconds).toBe(100);
    },
    9 * MINUTE,
  );

  it(
    'is announced on its card and inside of JupyterLab, though the tab is open',
    async () => {
      await toast('not used for').waitFor({ timeout: 2 * MINUTE });
      expect(await toast('not used for').textContent()).toMatch(
        /ends in 1 min \([0-9:]+\), not used for 1 min\. Run a cell or save a file and it stays; or click "Still needed" in My sessions\./,
      );
      await card().locator('.notice', { hasText: 'Nobody uses it' }).waitFor({ timeout: MINUTE });
    },
    4 * MINUTE,
  );

  it(
    'stays by a click on "Still needed", and the open app says that too; bob cannot click for her',
    async () => {
      const bob = await signedIn(browser, site, 'bob@campus');
      const touched = await bob.context.request.post(`${site.url}/api/v1/sessions/${id}/touch`, {
        headers: await acting(bob, site),
      });
      expect(touched.status()).toBe(404);
      await bob.context.close();
      const before = (await session()).culledAt ?? 0;
      await card().locator('button:has-text("Still needed")').click();
      await alice.page.waitForURL(/done=touched/);
      expect((await session()).culledAt).toBeGreaterThan(before + 10);
      await toast('is in use again, and stays').waitFor({ timeout: MINUTE });
    },
    3 * MINUTE,
  );

  it(
    'is ended when nobody came, and the card says why',
    async () => {
      const over = await eventually(session, ({ phase }) => phase === 'ended', 180);
      expect(over).toMatchObject({ phase: 'ended', ended: { why: 'idle' } });
      await card().locator('.why').waitFor({ timeout: MINUTE });
      expect(await card().textContent()).toMatch(
        /ended: nobody used it.*Work \/home\/alice\/hpcbinder\/.*not used for/s,
      );
    },
    5 * MINUTE,
  );
});
