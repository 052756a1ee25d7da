/**
 * BinderHub's own JavaScript client, as it is published, against the real endpoint with an API token: a build through all phases to
 * `ready`, whose address and code open the session once (REES section 7.5).
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import type { Browser } from 'playwright-core';
import { launchBrowser, withoutNews } from '../browser.mjs';
import { root } from './as-user-rig.ts';
import { type Campus, campus } from './campus.ts';
import { acting, type Person, signedIn } from './campus-people.ts';

const MINUTE = 60_000;
const CLIENT = fileURLToPath(new URL('../server/links/binder-client.mjs', import.meta.url));

type Line = { phase?: string; message?: string; url?: string; token?: string; [field: string]: unknown };

let site: Campus;
let browser: Browser;
let alice: Person;
let ready: Line;

beforeAll(async () => {
  browser = await launchBrowser();
  site = await campus();
}, 8 * MINUTE);

afterAll(async () => {
  await browser?.close();
  await site?.[Symbol.asyncDispose]();
});

async function apiToken(...scopes: string[]): Promise<string> {
  const made = await alice.context.request.post(`${site.url}/api/v1/tokens`, {
    headers: await acting(alice, site),
    data: { name: scopes.join(' and '), scopes, seconds: 3600 },
  });
  return ((await made.json()) as { token: string }).token;
}

async function followed(link: string, token: string): Promise<Line[]> {
  const words = [CLIENT, `${site.url}/build/`, link.replace(/^v2\//, '')];
  const { stdout } = await execa(process.execPath, words, { env: { API_TOKEN: token, NODE_OPTIONS: '' } });
  return stdout.split('\n').map((line) => JSON.parse(line) as Line);
}
const phases = (lines: readonly Line[]) => [...new Set(lines.map(({ phase }) => phase))];

describe('@jupyterhub/binderhub-client at the campus endpoint', () => {
  it('starts nothing without a token that may launch', async () => {
    alice = await signedIn(browser, site, 'alice@campus');
    for (const token of ['hpct_guessed', await apiToken('read')]) {
      const lines = await followed(site.link, token);
      expect(lines).toEqual([expect.objectContaining({ phase: 'failed', status_code: 403, error: 'E-FORBIDDEN' })]);
      expect(lines[0]?.message).toContain(`${site.url}/v2/git/`);
    }
    expect(await root('squeue -h')).toBe('');
  });

  it(
    'builds what was never built, and is told of each phase until `ready`',
    async () => {
      const link = site.linkWith({ 'requirements.txt': `jupyterlab\n# ${Math.random()}\n` });
      const lines = await followed(link, await apiToken('read', 'launch'));
      ready = lines.at(-1) ?? {};
      // the batch job that builds makes the SIF in one go: nothing is `converting`
      expect(phases(lines)).toEqual([
        'waiting',
        'fetching',
        'building',
        'staging',
        'built',
        'launching',
        'queued',
        'starting',
        'ready',
      ]);
      expect(ready).toMatchObject({
        phase: 'ready',
        binder_launch_host: `${site.url}/`,
        token: expect.stringMatching(/^.{43}$/),
      });
      for (const { message } of lines) expect(message).toMatch(/[\n\r]$/);
    },
    9 * MINUTE,
  );

  it(
    'gives an address and a code that open the session in a browser once, and never twice',
    async () => {
      const where = new URL('lab', ready.url);
      where.searchParams.set('token', ready.token ?? '');
      const stranger = await browser.newContext();
      const page = await stranger.newPage();
      await withoutNews(page);
      expect((await page.goto(where.href))?.status()).toBe(200);
      expect(page.url()).not.toContain(ready.token);
      await page.waitForSelector('.jp-LauncherCard, .jp-Notebook', { timeout: 2 * MINUTE });
      const second = await browser.newContext();
      expect((await (await second.newPage()).goto(where.href))?.status()).toBe(403);
      expect(await second.cookies()).toEqual([]);
      await stranger.close();
      await second.close();
    },
    4 * MINUTE,
  );
});
