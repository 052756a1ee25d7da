/**
 * Two clusters behind one campus endpoint, in real Chromium: it runs on the login node of the first, and reaches the second by the
 * service account's own key there. What is launched there, worked in, and what is seen of it while its login node is gone.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, newNotebook } from '../browser.mjs';
import { root } from './as-user-rig.ts';
import { type Campus, campus, clusterEntry } from './campus.ts';
import { acting, launched, opened, type Person, signedIn, stopped } from './campus-people.ts';
import { eventually } from './rig.ts';
import { rootThere, type Second, second } from './second.ts';

const MINUTE = 60_000;

let browser: Browser;
let site: Campus;
let far: Second;
let alice: Person;
let lab: Page;
let run: Awaited<ReturnType<typeof newNotebook>>;
let id: string;

beforeAll(async () => {
  browser = await launchBrowser();
  far = await second();
  site = await campus({
    clusters: { campus: clusterEntry(), second: far.entry },
    data: { scratch: { path: '/scratch', at: '/data/scratch', cluster: 'second' } },
  });
}, 8 * MINUTE);

afterAll(async () => {
  await browser?.close();
  await far?.[Symbol.asyncDispose]();
  await site?.[Symbol.asyncDispose]();
});

async function viewOf({ context }: Person): Promise<Record<string, unknown>> {
  return (await (await context.request.get(`${site.url}/api/v1/sessions/${id}`)).json()) as Record<string, unknown>;
}

describe('two clusters behind one endpoint', () => {
  it('the form goes where the data are, and back without them', async () => {
    alice = await signedIn(browser, site, 'alice@campus', `${site.url}/${site.link}?urlpath=lab`);
    const { page } = alice;
    expect(await page.inputValue('#cluster')).toBe('campus');
    await page.check('[name=data]');
    expect(await page.inputValue('#cluster')).toBe('second');
    await page.selectOption('#cluster', 'campus');
    expect(await page.isChecked('[name=data]')).toBe(false);
    const said = await alice.context.request.post(`${site.url}/api/v1/launches`, {
      headers: await acting(alice, site),
      data: { provider: 'git', spec: site.link.slice('v2/git/'.length), cluster: 'campus', data: ['scratch'] },
    });
    expect(await said.text()).toContain('E-POLICY-DATA');
  });

  it(
    'a link that names the second launches there, as alice, and nothing on the first',
    async () => {
      await alice.page.goto(`${site.url}/${site.link}?data=scratch&urlpath=lab&partition=debug`);
      expect(await alice.page.inputValue('#cluster')).toBe('second');
      id = await launched(alice);
      expect(await rootThere('squeue -h -o "%j %u"')).toBe(`${id} alice\n`);
      expect(await root('squeue -h')).toBe('');
      expect(await viewOf(alice)).toMatchObject({ id, cluster: 'second', phase: 'ready' });
    },
    8 * MINUTE,
  );

  it(
    'a cell runs on its compute node, and sees the data read-only',
    async () => {
      lab = await opened(alice, site, id);
      run = await newNotebook(lab);
      const node = (await rootThere('squeue -h -o %N')).trim();
      expect(await run('import socket; print(socket.gethostname())')).toBe(node);
      expect(await run('import os; kept = 41; print(os.access("/data/scratch", os.W_OK))')).toBe('False');
    },
    4 * MINUTE,
  );

  it('bob sees, opens and stops nothing of it', async () => {
    const bob = await signedIn(browser, site, 'bob@campus');
    const headers = await acting(bob, site);
    const { request } = bob.context;
    expect((await request.get(`${site.url}/api/v1/sessions/${id}`)).status()).toBe(404);
    for (const verb of ['stop', 'touch', 'open'])
      expect((await request.post(`${site.url}/api/v1/sessions/${id}/${verb}`, { headers, data: {} })).status()).toBe(
        404,
      );
    expect((await bob.page.goto(lab.url()))?.status()).toBe(403);
    await bob.context.close();
  });

  it('the endpoint holds no key of a user, and of all keys only its own', async () => {
    const keys = await root("grep -rlE 'BEGIN (OPENSSH|RSA|EC) PRIVATE KEY' /etc/hpcbinder /var/lib/hpcbinder || true");
    expect(keys).toBe('/etc/hpcbinder/second\n');
    expect((await root('stat -c "%U %a" /etc/hpcbinder/second')).trim()).toBe('hpcbinder 600');
  });

  it(
    'its sshd gone: the session is unreachable and not ended, the first cluster goes on, and back it is as it was',
    async () => {
      await far.kill();
      const silent = await eventually(
        () => viewOf(alice),
        ({ silentSince }) => silentSince !== undefined,
        120,
      );
      expect(silent).toMatchObject({ phase: 'ready' });
      expect(silent.silentSince).toBeDefined();
      const offers = await alice.context.request.get(`${site.url}/api/v1/clusters/campus/offers`);
      expect(offers.status()).toBe(200);
      await far.revive();
      const again = await eventually(
        () => viewOf(alice),
        ({ silentSince }) => silentSince === undefined,
        120,
      );
      expect(again).toMatchObject({ phase: 'ready' });
      expect(again.silentSince).toBeUndefined();
      const dialog = lab.locator('.jp-Dialog button:has-text("Close")');
      await lab.addLocatorHandler(dialog, () => dialog.first().click());
      expect(await run('print(kept + 1)')).toBe('42');
    },
    6 * MINUTE,
  );

  it(
    'stops by a click, there too',
    async () => {
      await stopped(alice, site, id);
      expect(await rootThere('squeue -h -t R,PD')).toBe('');
    },
    3 * MINUTE,
  );
});
