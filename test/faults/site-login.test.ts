/** The site's SSH login through the endpoint's page: a real sshd with two factors by PAM, a real browser, by keyboard alone. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { siteLogin } from '../../transports/site-login.ts';
import { launchBrowser } from '../browser.mjs';
import { type Endpoint, endpoint } from '../server/sign-in/rig.ts';
import { ASK_CODE, ASK_PASSWORD, code, PASSWORD, people, Sshd } from './sshd.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const ACCEPTED = /Accepted keyboard-interactive\/pam for alice/;
const directory = mkdtempSync(join(tmpdir(), 'hb-site-login-'));
let crowd: AsyncDisposable;
let sshd: Sshd;
let at: Endpoint;
let browser: Browser;

beforeAll(async () => {
  crowd = await people();
  sshd = await Sshd.start(2311, { pam: [ASK_PASSWORD, ASK_CODE] });
  const knownHosts = join(directory, 'known_hosts');
  writeFileSync(knownHosts, sshd.known, { mode: 0o644 });
  at = await endpoint(() => ({
    ssh: { host: sshd.host, port: sshd.port, knownHosts },
    siteLogin,
    accounts: () => ({ map: new Map([['alice', 'alice']]), admins: [] }),
  }));
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await at?.close();
  await sshd?.[Symbol.asyncDispose]();
  await crowd?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

const signIn = () => new URL('sign-in?next=/me', at.base).href;

/** Types into what has the focus, and goes on by the Enter key. */
async function type(page: Page, label: string, text: string): Promise<void> {
  const focused = await page.evaluate('document.activeElement?.labels?.[0]?.textContent');
  expect(focused).toContain(label);
  await page.keyboard.type(text);
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}

async function complaints(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate('axe.run({ resultTypes: ["violations"] })')) as {
    violations: { id: string; nodes: { html: string }[] }[];
  };
  return violations.map(({ id, nodes }) => `${page.url()}: ${id} ${nodes[0]?.html.slice(0, 200)}`);
}

describe('the SSH login through the page, against a real sshd', () => {
  it('asks for password and code one after the other, by keyboard alone; axe-core has nothing to complain of', async () => {
    const page = await (await browser.newContext()).newPage();
    const refused: string[] = [];
    page.on(
      'console',
      (message) => message.type() === 'error' && refused.push(`${message.location().url} ${message.text()}`),
    );
    await page.goto(signIn());
    const found = await complaints(page);
    await type(page, `Account at ${sshd.host}`, 'alice');
    found.push(...(await complaints(page)));
    await type(page, 'Password', PASSWORD);
    found.push(...(await complaints(page)));
    await type(page, 'Verification code', await code());
    expect(JSON.parse((await page.locator('body').textContent()) ?? '')).toMatchObject({ user: { account: 'alice' } });
    expect(found).toEqual([]);
    expect(refused.filter((line) => !line.includes('/favicon.ico '))).toEqual([]);
    // the login is over as soon as it has said who it is
    expect([await sshd.count(ACCEPTED), await sshd.count(/Starting session/)]).toEqual([1, 0]);
    for (let n = 0; n < 50 && (await sshd.open()) > 0; n++) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await sshd.open()).toBe(0);
  });

  it('works without script, and a wrong code lets nobody in', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    const answered = async (text: string) => {
      await page.locator('input:not([type=hidden])').fill(text);
      await page.getByRole('button').click();
    };
    await page.goto(signIn());
    for (const text of ['alice', PASSWORD, '000000']) await answered(text);
    expect(await page.getByRole('heading').textContent()).toBe('You could not be signed in');
    await page.getByRole('link', { name: 'Sign in again' }).click();
    // a code counts once: the next one is half a minute away at most
    for (const text of ['alice', PASSWORD]) await answered(text);
    const before = await sshd.count(ACCEPTED);
    await answered(await code());
    expect(await page.locator('body').textContent()).toContain('"account":"alice"');
    expect(await sshd.count(ACCEPTED)).toBe(before + 1);
    expect((await sshd.log()) + JSON.stringify(at.state.audit.read({ limit: 50 }))).not.toContain(PASSWORD);
  });
});
