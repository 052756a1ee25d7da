/**
 * A whole launch with the real nginx, then the real Apache, in front of the real endpoint by the snippets of deploy/: TLS with a
 * wildcard name, one origin per session, events and notebook WebSockets through both proxies.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, newNotebook } from '../browser.mjs';
import { root } from './as-user-rig.ts';
import { type Campus, campus } from './campus.ts';
import { opened, type Person, ready, signedIn, stopped } from './campus-people.ts';
import { freePort } from './relays.ts';
import { certificates, forget, KINDS, reverseProxy } from './reverse-proxy.ts';

const MINUTE = 60_000;

let browser: Browser;
let folder: string;

beforeAll(async () => {
  browser = await launchBrowser();
  folder = certificates();
});
afterAll(async () => {
  await browser?.close();
  forget(folder);
});

describe.each(KINDS)('the campus endpoint behind $name', (kind) => {
  let site: Campus;
  let alice: Person;
  let lab: Page;
  let id: string;

  beforeAll(async () => {
    site = await campus({}, async (upstream) => {
      const port = await freePort();
      const { close } = await reverseProxy(kind, folder, port, upstream);
      return { url: `https://binder.localhost:${port}`, close };
    });
  }, 8 * MINUTE);
  afterAll(async () => {
    await alice?.context.close();
    await site?.[Symbol.asyncDispose]();
  });

  it('signs alice in by OpenID Connect and shows what the badge asks for', async () => {
    alice = await signedIn(browser, site, 'alice@campus', `${site.url}/${site.link}?gpus=1&urlpath=lab`);
    expect(await alice.page.textContent('main')).toMatch(/will run as you \(alice\) on the cluster/);
    const [login] = (await alice.context.cookies(site.url)).filter(({ name }) => name.startsWith('__Host-hpcbinder'));
    expect(login).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Lax' });
  });

  it(
    'launches, and its page fills with the phases as they come',
    async () => {
      const { page } = alice;
      await page.click('button:has-text("Launch")');
      await page.waitForURL(/\/launches\/la-/);
      // by events alone: the page is not loaded again
      const kept = await page.evaluateHandle(() => document.documentElement);
      await page.locator('.phases li.running').first().waitFor({ timeout: MINUTE });
      id = await ready(page);
      expect(await kept.evaluate((element) => element.isConnected)).toBe(true);
      expect(await page.locator('.phases li.done, .phases li.skipped').count()).toBeGreaterThan(4);
    },
    8 * MINUTE,
  );

  it(
    "runs a cell in JupyterLab at the session's own name, over a WebSocket",
    async () => {
      const sockets: string[] = [];
      alice.context.on('page', (tab) => tab.on('websocket', (socket) => sockets.push(socket.url())));
      lab = await opened(alice, site, id);
      const { host } = new URL(site.url);
      expect(new URL(lab.url()).host).toBe(`${id}.${host}`);
      const run = await newNotebook(lab);
      expect(await run('import os; print(os.environ["USER"] if "USER" in os.environ else os.getuid(), 6 * 7)')).toMatch(
        /42$/,
      );
      expect(sockets).toEqual(
        expect.arrayContaining([expect.stringMatching(`^wss://${id}.${host}/api/kernels/.*channels`)]),
      );
    },
    4 * MINUTE,
  );

  it('lets bob in nowhere below it', async () => {
    const bob = await signedIn(browser, site, 'bob@campus');
    expect((await bob.page.goto(lab.url()))?.status()).toBe(403);
    await bob.page.goto(`${site.url}/sessions`);
    const asked = bob.page.evaluate(async (path) => (await fetch(path)).status, `/api/v1/sessions/${id}`);
    expect(await asked).toBe(404);
    await bob.context.close();
  });

  it(
    'stops it by a click, and knows from where it was clicked',
    async () => {
      await stopped(alice, site, id);
      expect(await root('squeue -h -t R,PD')).toBe('');
      const audit = await root(
        "cd /opt/hpcbinder && su hpcbinder -c '/usr/local/bin/hpcbinder admin audit --json --config /etc/hpcbinder/serve.yaml'",
      );
      // the browser's address, said by the reverse proxy alone
      expect(audit).toMatch(/"action":"stop"[^\n]*127\.0\.0\.1|127\.0\.0\.1[^\n]*"action":"stop"/);
    },
    3 * MINUTE,
  );
});
