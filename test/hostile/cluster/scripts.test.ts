/**
 * Markup and addresses of scripts in all that others write and the endpoint's pages show, in real Chromium: links, logs, errors,
 * names, folders (SECURITY WEB-13, WEB-06). No cluster is needed; the clusters are a fake that says what it is told to.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { HpcbinderError } from '../../../core/errors.ts';
import { ensureBrowser, launchBrowser } from '../../browser.mjs';
import { type Actor, SESSION, World } from '../../server/endpoint/rig.ts';

const RUN = 'window.pwned=1';
const CORPUS = [
  `<img src=x onerror=${RUN}>`,
  `"><script>${RUN}</script>`,
  `'-${RUN}-'`,
  `</script><script>${RUN}</script>`,
  `</textarea></title></style><svg onload=${RUN}>`,
  `javascript:${RUN}`,
  `\${${RUN}}{{${RUN}}}`,
  `<iframe srcdoc="<script>parent.${RUN}</script>">`,
  `<a href="javascript:${RUN}" autofocus onfocus=${RUN}>x</a>`,
  `<base href=//evil.example/><form action=//evil.example/><button>Launch</button></form>`,
  `\u001b]8;;javascript:${RUN}\u0007click\u001b]8;;\u0007`,
  `\u001b[31m<b onmouseover=${RUN}>red</b>\u001b[0m`,
  `\u2028${RUN}\u2029<!--`,
  `<math><mtext></mtext><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${RUN}&gt;">`,
  '<'.repeat(100_000),
];
const ALL = CORPUS.slice(0, -1).join(' ');

const world = new World();
let browser: Browser;
let context: BrowserContext;
let alice: Actor & { cookie: string };
let admin: Actor & { cookie: string };
/** what a policy forbade, dialogs, and requests that left the machine */
const seen: string[] = [];
let strange: Server;

async function visitor(who: Actor & { cookie: string }): Promise<BrowserContext> {
  const { Cookie: _, ...headers } = who.headers;
  const made = await browser.newContext({ extraHTTPHeaders: headers });
  const [name = '', value = ''] = who.cookie.split(';')[0]?.split('=') ?? [];
  await made.addCookies([{ name, value, url: `http://${world.host}` }]);
  await made.addInitScript(
    `document.addEventListener('securitypolicyviolation', (e) => console.error('policy ' + e.violatedDirective + ' ' + e.sourceFile))`,
  );
  made.on('dialog', (dialog) => {
    seen.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  made.on('console', (message) => {
    if (/policy|Refused|Content Security/.test(message.text()))
      seen.push(`${message.page()?.url()}: ${message.text()}`);
  });
  made.on('request', (request) => {
    if (!request.url().startsWith('http://localhost:')) seen.push(`request ${request.url()}`);
  });
  return made;
}

beforeAll(async () => {
  ensureBrowser();
  browser = await launchBrowser();
  await world.open(undefined, {
    services: {
      resolve: async () => {
        throw new HpcbinderError('E-REPO-MISSING', { message: `no ${ALL}`, hint: ALL });
      },
      async *launch() {
        yield { type: 'start', phase: 'queue', text: ALL };
        for (const line of CORPUS) yield { type: 'log', phase: 'build', line };
        yield { type: 'note', text: ALL };
        throw new HpcbinderError('E-BUILD', { message: `the build said ${ALL}`, hint: ALL });
      },
      log: async () => CORPUS.join('\n'),
    },
  });
  alice = await world.signIn('alice');
  admin = await world.signIn('root-of-all');
  const row = world.state.session(SESSION);
  if (!row) throw new Error('no session');
  for (const [index, word] of CORPUS.slice(0, -1).entries())
    world.state.saveSession(
      {
        ...row.record,
        id: `hb-hostile0${String(index).padStart(2, '0')}`,
        phase: index % 2 === 0 ? 'ready' : 'ended',
        repo: { ...row.record.repo, shown: word },
        workDirectory: `/home/alice/${word}`,
        address: { host: word, port: 1 },
        ...(index % 2 === 0 ? {} : { ended: { why: 'failed', at: new Date().toISOString(), detail: word } }),
      },
      { account: 'alice' },
    );
  world.state.settings.set('announcement', { text: ALL, by: 'admina', since: new Date().toISOString() });
  for (const word of CORPUS.slice(0, -1))
    world.state.audit.write({ account: 'alice', action: 'launch', detail: word, from: word });
  for (const word of CORPUS.slice(0, 5))
    await world.ask('/api/v1/tokens', {
      method: 'POST',
      headers: { ...alice.headers, 'X-Xsrftoken': alice.xsrf ?? '', 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: word, scopes: ['read'] }),
    });
  context = await visitor(alice);
  strange = createServer((req, res) =>
    res.writeHead(200, { 'content-type': 'text/html' }).end(`<iframe src="http://${world.host}${req.url}"></iframe>`),
  );
  await new Promise<void>((done) => strange.listen(0, '127.0.0.1', done));
}, 120_000);
afterAll(async () => {
  await browser?.close();
  strange?.close();
  await world.close();
}, 60_000);

/** Looks at a page until its scripts have run; what the page says. */
async function looked(page: Page, path: string): Promise<string> {
  const answer = await page.goto(`http://${world.host}${path}`, { waitUntil: 'load' });
  expect([path, (answer?.status() ?? 0) < 500]).toEqual([path, true]);
  await page.waitForTimeout(300);
  await page.evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true; })');
  expect([path, await page.evaluate('window.pwned')]).toEqual([path, undefined]);
  const markup =
    'document.querySelectorAll("img[src=x], svg[onload], iframe, base, [onerror], [onload], [onfocus], a[href^=javascript], form[action*=evil]").length';
  expect([path, await page.evaluate(markup)]).toEqual([path, 0]);
  return (await page.locator('body').textContent()) ?? '';
}

describe('what others wrote', () => {
  it('in a link stands on the page as text, and nothing of it runs; links that are refused too', async () => {
    const page = await context.newPage();
    for (const word of CORPUS.slice(0, -1)) {
      const it = encodeURIComponent(word);
      for (const path of [
        `/v2/gh/org/repo/HEAD?urlpath=${it}&partition=${it}&account=${it}&env=${it}&${it}=${it}`,
        `/v2/gh/${it}/repo/HEAD`,
        `/v2/git/${encodeURIComponent(`https://example.org/${word}`)}/${it}`,
        `/?repo=${it}&ref=${it}`,
        `/badge?repo=${it}&ref=${it}`,
        `/sign-in/callback?error=${it}&error_description=${it}&state=${it}`,
        `/${it}`,
      ])
        await looked(page, path);
    }
    await page.close();
    expect(seen).toEqual([]);
  }, 280_000);

  it('in a log, an error and a note is text on the page of the launch, and in its log', async () => {
    const begun = await world.ask('/api/v1/launches', {
      method: 'POST',
      headers: { ...alice.headers, 'X-Xsrftoken': alice.xsrf ?? '', 'Content-Type': 'application/json' },
      body: JSON.stringify({ provider: 'gh', spec: 'org/repo/HEAD' }),
    });
    const { id } = JSON.parse(begun.body) as { id: string };
    const page = await context.newPage();
    const text = await looked(page, `/launches/${id}`);
    expect(text).toContain(`<img src=x onerror=${RUN}>`);
    expect(await looked(page, `/launches/${id}/log`)).toContain(`</script><script>${RUN}</script>`);
    expect(await looked(page, `/sessions/${SESSION}/log`)).toContain(`<img src=x onerror=${RUN}>`);
    await page.close();
    expect(seen).toEqual([]);
  }, 60_000);

  it('in names of repositories, folders, nodes, tokens, announcements and the audit log is text on every page, the admins’ too', async () => {
    const page = await context.newPage();
    for (const path of ['/sessions', '/tokens', '/', '/me', '/badge']) {
      const text = await looked(page, path);
      if (path === '/sessions') expect(text).toContain(`"><script>${RUN}</script>`);
    }
    await page.close();
    const theirs = await visitor(admin);
    const other = await theirs.newPage();
    expect(await looked(other, '/admin')).toContain(`<img src=x onerror=${RUN}>`);
    await theirs.close();
    expect(seen).toEqual([]);
  }, 60_000);
});

describe('a link on another site', () => {
  it('starts nothing by being opened, by scripts of ours that look at it, or in a frame, which is refused (WEB-06, WEB-20)', async () => {
    const before = [world.state.launches({}).length, world.asked.filter((each) => each.startsWith('launch')).length];
    const page = await context.newPage();
    for (const more of [
      'partition=gpu&time=7d',
      'env=LD_PRELOAD=x&mount=/home',
      'urlpath=//evil.example',
      'cpus=9999&gpus=99&mem=10T',
      'binds=/',
      'autostart=1',
      'account=x&qos=y',
    ]) {
      const text = await looked(page, `/v2/gh/org/repo/HEAD?${more}`);
      for (const name of ['env', 'mount', 'binds', 'autostart'])
        if (more.includes(`${name}=`)) expect([more, text.includes(name)]).toEqual([more, true]);
    }
    expect(seen).toEqual([]);
    await page.goto(`http://127.0.0.1:${(strange.address() as AddressInfo).port}/v2/gh/org/repo/HEAD`);
    await page.waitForTimeout(500);
    const [, frame] = page.frames();
    expect(frame?.url()).toMatch(/^chrome-error:/);
    expect([world.state.launches({}).length, world.asked.filter((each) => each.startsWith('launch')).length]).toEqual(
      before,
    );
    seen.length = 0;
    await page.close();
  }, 120_000);

  it('shows a button that takes no click for half a second: one that was meant for another page starts nothing (WEB-06)', async () => {
    const page = await context.newPage();
    await page.addInitScript(`new MutationObserver(() => {
      const button = document.querySelector('button.go');
      if (button) (window.states ??= []).push([Math.round(performance.now()), button.disabled]);
    }).observe(document, {subtree: true, childList: true, attributes: true})`);
    await page.goto(`http://${world.host}/v2/gh/org/repo/HEAD`);
    const open = 'window.states?.some(([, early]) => early) === true && !window.states.at(-1)[1]';
    for (let left = 100; left > 0 && !(await page.evaluate(open)); left--) await page.waitForTimeout(100);
    const states = (await page.evaluate('window.states')) as [number, boolean][];
    const closed = states.find(([, disabled]) => disabled)?.[0] ?? Infinity;
    const opened = states.at(-1)?.[0] ?? 0;
    expect(opened - closed).toBeGreaterThanOrEqual(450);
    await page.close();
  }, 60_000);
});
