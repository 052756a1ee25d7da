/** A real browser before the proxy: what the address bar, other sites and other ports can and cannot do. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext } from 'playwright-core';
import { WebSocketServer } from 'ws';
import { ensureBrowser, launchBrowser } from '../browser.mjs';
import { httpRig, ID, type Rig } from '../server/rig.ts';

const acted: string[] = [];
const told: string[] = [];
let rig: Rig;
let other: Server;
let browser: Browser;
let context: BrowserContext;

/** A page of another site that tries what a hostile page would. */
const hostile = (target: string) => `<!doctype html><title>hostile</title>
<iframe src="${target}/framed"></iframe><img src="${target}/image"><script src="${target}/script"></script>
<form id="f" method="post" action="${target}/form" target="sink"><input name="a" value="1"></form><iframe name="sink"></iframe>
<script>
document.getElementById('f').submit();
const tries = [
  fetch('${target}/no-cors', { mode: 'no-cors', credentials: 'include', method: 'POST', body: 'x' }),
  fetch('${target}/cors', { credentials: 'include' }).then((r) => r.text()),
  new Promise((resolve, reject) => {
    const socket = new WebSocket('${target.replace('http', 'ws')}/socket');
    socket.onopen = () => resolve('open');
    socket.onerror = () => reject(new Error('refused'));
  }),
];
Promise.allSettled(tries).then((all) => { window.outcome = all.map((one) => one.status + ':' + (one.value ?? '')); });
</script>`;

describe('a session in Chromium', () => {
  beforeAll(async () => {
    ensureBrowser();
    const sockets = new WebSocketServer({ noServer: true });
    rig = await httpRig(
      (req, res) => {
        acted.push(`${req.method} ${req.url}`);
        res.setHeader('Content-Type', 'text/html');
        res.end(`<!doctype html><title>the app</title><p>${req.headers.cookie ?? 'no cookie'}</p>`);
      },
      {
        onServer: (server) =>
          server.on('upgrade', (req, socket, head) => {
            acted.push(`SOCKET ${req.url}`);
            sockets.handleUpgrade(req, socket, head, (client) => client.send('hello'));
          }),
      },
    );
    other = createServer((req, res) => {
      told.push(req.headers.cookie ?? '');
      res.setHeader('Content-Type', 'text/html');
      res.end(req.url?.startsWith('/to?') ? hostile(decodeURIComponent(req.url.slice(4))) : 'other');
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    browser = await launchBrowser();
    context = await browser.newContext();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await rig?.close();
    other?.close();
  });

  it('opens by its link, and the code is gone from the address and from the history', async () => {
    const page = await context.newPage();
    await page.goto(rig.session.url('/lab'));
    expect(page.url()).toBe(`${rig.origin}/lab`);
    expect(await page.title()).toBe('the app');
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await page.textContent('p')).toBe('no cookie');
    await page.reload();
    expect(await page.title()).toBe('the app');
    const greeting = await page.evaluate(
      `new Promise((resolve) => { new WebSocket('ws://' + location.host + '/ws').onmessage = (m) => resolve(m.data); })`,
    );
    expect(greeting).toBe('hello');
    await page.close();
  });

  it.each(['evil.localhost', '127.0.0.1'])(
    'gives a page on %s nothing: no frame, form, fetch, script or WebSocket',
    async (name) => {
      const { port } = other.address() as AddressInfo;
      for (const target of [rig.origin, `http://127.0.0.1:${rig.session.port}`]) {
        const before = acted.length;
        const page = await context.newPage();
        await page.goto(`http://${name}:${port}/to?${encodeURIComponent(target)}`);
        await page.waitForFunction('window.outcome');
        const outcome = (await page.evaluate('window.outcome')) as string[];
        expect(outcome.slice(1)).toEqual(['rejected:', 'rejected:']);
        await page.waitForTimeout(200);
        expect(acted.slice(before)).toEqual([]);
        await page.close();
      }
    },
    30_000,
  );

  it('keeps its cookie from other ports and names', async () => {
    const { port } = other.address() as AddressInfo;
    const page = await context.newPage();
    for (const name of ['127.0.0.1', 'localhost', 'evil.localhost']) await page.goto(`http://${name}:${port}/`);
    expect(told.join('')).not.toContain('hb_');
    await page.close();
  });

  it('is not found under a foreign name that leads to its port', async () => {
    const page = await context.newPage();
    const answer = await page.goto(`http://evil.localhost:${rig.session.port}/lab`);
    expect(answer?.status()).toBe(421);
    await page.close();
  });

  it('on 127.0.0.1 offers its own name first; its pages obey their own policy', async () => {
    const fresh = await browser.newContext();
    const page = await fresh.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    const link = rig.session.url('/lab').replace(`${ID}.localhost`, '127.0.0.1');
    await page.goto(link);
    expect(await page.evaluate(`getComputedStyle(document.body).maxWidth`)).not.toBe('none');
    await page.click('text=Go on here');
    expect(page.url()).toBe(`http://127.0.0.1:${rig.session.port}/lab`);
    expect(await page.title()).toBe('the app');
    await page.goto(rig.session.url('/lab').replace(`${ID}.localhost`, 'localhost'));
    await page.click('a:has-text("Open the session")');
    expect(page.url()).toBe(`${rig.origin}/lab`);
    expect(complaints.filter((text) => text.includes('Content Security Policy'))).toEqual([]);
    await fresh.close();
  });
});
