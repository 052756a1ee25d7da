/** The campus endpoint in real Chromium on the devcluster: sign in, click a badge, launch, work, stop; bob stays outside. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchBrowser } from '../browser.mjs';
import { type Campus, campus } from './campus.ts';

let site: Campus;
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
  site = await campus();
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await site?.[Symbol.asyncDispose]();
});

/** Through the provider's own pages, as a person would. */
async function signedIn(name: string, start: string): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(start);
  await page.fill('[name=login]', name);
  await page.fill('[name=password]', 'any');
  await page.click('button[type=submit]');
  const consent = page.locator('button[type=submit]', { hasText: 'Continue' });
  if (await consent.count()) await consent.click();
  await page.waitForURL(`${site.url}/**`);
  return { context, page };
}

describe('the campus endpoint', () => {
  it('shows a launch link and starts nothing until the click', async () => {
    const { page } = await signedIn('alice@campus', `${site.url}/${site.link}?gpus=1`);
    expect(await page.textContent('main')).toMatch(/run as you \(alice\) on the cluster/);
    await page.screenshot({ path: '/tmp/x/launch.png' });
    await page.click('button:has-text("Launch")');
    await page.waitForURL(/\/launches\//);
    await page.waitForTimeout(5000);
    await page.screenshot({ path: '/tmp/x/progress.png' });
    await page.locator('button:has-text("Open")').first().waitFor({ timeout: 400_000 });
    await page.screenshot({ path: '/tmp/x/ready.png' });
  }, 500_000);
});
