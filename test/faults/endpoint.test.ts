/**
 * The campus endpoint on the devcluster, in real Chromium: alice signs in by OpenID Connect, follows a badge's link, works in
 * JupyterLab on a compute node and stops; bob, whom the same endpoint knows, gets at nothing of hers.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, newNotebook } from '../browser.mjs';
import { root } from './as-user-rig.ts';
import { type Campus, campus } from './campus.ts';
import { launched, opened, type Person, signedIn, stopped } from './campus-people.ts';

const MINUTE = 60_000;

let site: Campus;
let browser: Browser;
let alice: Person;
let lab: Page;
let run: Awaited<ReturnType<typeof newNotebook>>;
let id: string;

beforeAll(async () => {
  browser = await launchBrowser();
  site = await campus();
}, 8 * MINUTE);

afterAll(async () => {
  await browser?.close();
  await site?.[Symbol.asyncDispose]();
});

describe('the campus endpoint', () => {
  it('shows a launch link to whoever has signed in, and starts nothing', async () => {
    alice = await signedIn(browser, site, 'alice@campus', `${site.url}/${site.link}?gpus=1&urlpath=lab`);
    expect(await alice.page.textContent('main')).toMatch(/will run as you \(alice\) on the cluster/);
    expect(await root('squeue -h')).toBe('');
  });

  it(
    'launches by the click, as alice herself, and shows the path until the app answers',
    async () => {
      id = await launched(alice);
      const jobs = (await root('squeue -h -o "%j %u %N"')).trim().split('\n');
      expect(jobs).toEqual([`${id} alice c2`]);
      expect(await root('ps -o user= -C python3 | sort -u')).not.toMatch(/root/);
    },
    8 * MINUTE,
  );

  it(
    "opens JupyterLab at the session's own origin, where a cell runs on the compute node",
    async () => {
      lab = await opened(alice, site, id);
      expect(new URL(lab.url()).host).toBe(new URL(site.url.replace('localhost', `${id}.localhost`)).host);
      expect(lab.url()).not.toContain('c=');
      run = await newNotebook(lab);
      expect(await run('import socket; print(socket.gethostname())')).toBe('c2');
    },
    5 * MINUTE,
  );

  it('lets bob, who is signed in as well, see, open and stop nothing of it', async () => {
    const { context, page } = await signedIn(browser, site, 'bob@campus');
    expect(await page.textContent('main')).not.toContain(id);
    const me = (await (await context.request.get(`${site.url}/api/v1/me`)).json()) as { xsrf: string };
    const headers = { 'x-xsrftoken': me.xsrf, origin: site.url };
    for (const path of ['', '/log', '/figures'])
      expect((await context.request.get(`${site.url}/api/v1/sessions/${id}${path}`)).status()).toBe(404);
    for (const verb of ['stop', 'touch'])
      expect((await context.request.post(`${site.url}/api/v1/sessions/${id}/${verb}`, { headers })).status()).toBe(404);
    const open = await context.request.post(`${site.url}/api/v1/sessions/${id}/open`, { headers, data: {} });
    expect(open.status()).toBe(404);
    const door = await page.goto(lab.url());
    expect(door?.status()).toBe(403);
    expect(await root('squeue -h -o %j')).toContain(id);
    await context.close();
  });

  it(
    'killed with -9 and started again it has the same sessions, and the open notebook goes on',
    async () => {
      await run('kept = 41');
      await site.kill();
      await site.start();
      const view = await alice.context.request.get(`${site.url}/api/v1/sessions/${id}`);
      expect(await view.json()).toMatchObject({ id, phase: 'ready', account: 'alice' });
      // JupyterLab's own word on the seconds without an endpoint
      const dialog = lab.locator('.jp-Dialog button:has-text("Close")');
      const closed = () =>
        dialog
          .first()
          .click({ timeout: 5000 })
          .catch(() => {}); // it goes by itself when the endpoint is back
      await lab.addLocatorHandler(dialog, closed);
      expect(await run('print(kept + 1)')).toBe('42');
      await lab.removeLocatorHandler(dialog);
    },
    3 * MINUTE,
  );

  it(
    'stops it by a click on the card, saves first, and keeps the card with where the work is',
    async () => {
      const { page } = alice;
      await stopped(alice, site, id);
      expect(await page.textContent('main')).toMatch(/hpcbinder\/.*quickstart/);
      expect(await root('squeue -h -t R,PD')).toBe('');
      const audit = await root(
        "cd /opt/hpcbinder && su hpcbinder -c '/usr/local/bin/hpcbinder admin audit --config /etc/hpcbinder/serve.yaml'",
      );
      for (const action of ['launch', 'open', 'stop']) expect(audit).toMatch(new RegExp(`alice.*${action}`));
    },
    4 * MINUTE,
  );
});

describe('in path mode, which is a labelled choice', () => {
  it(
    "a session shares the endpoint's origin below a path of its own, and works there as well",
    async () => {
      await site.changed({ sessions: 'path' });
      await alice.page.goto(`${site.url}/${site.link}?gpus=1&urlpath=lab`);
      lab = await opened(alice, site, await launched(alice, 2));
      expect(lab.url()).toMatch(new RegExp(`^${site.url}/s/hb-[a-z0-9]{10}/lab`));
      const cell = await newNotebook(lab);
      expect(await cell('print(6 * 7)')).toBe('42');
    },
    6 * MINUTE,
  );

  it('bob, on the same origin, is refused below her path', async () => {
    const { context, page } = await signedIn(browser, site, 'bob@campus');
    expect((await page.goto(lab.url()))?.status()).toBe(403);
    const api = new URL(lab.url()).pathname.replace(/lab.*/, 'api/status');
    expect((await context.request.get(`${site.url}${api}`)).status()).toBe(403);
    await context.close();
  });
});
