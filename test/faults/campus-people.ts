/** People at the campus endpoint, as they use its pages in Chromium. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { withoutNews } from '../browser.mjs';
import type { Campus } from './campus.ts';

const MINUTE = 60_000;

export type Person = { context: BrowserContext; page: Page };

/** By whatever the provider asks; a certificate of the test is taken. `how`: of the browser's window. */
export async function signedIn(
  browser: Browser,
  site: Pick<Campus, 'url'>,
  name: string,
  start = `${site.url}/sessions`,
  how: Parameters<Browser['newContext']>[0] = {},
): Promise<Person> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    ignoreHTTPSErrors: true,
    ...how,
  });
  const page = await context.newPage();
  await page.goto(start);
  await page.fill('[name=login]', name);
  await page.fill('[name=password]', 'any');
  await page.click('button[type=submit]');
  const consent = page.locator('button[type=submit]', { hasText: 'Continue' });
  if ((await consent.count()) > 0) await consent.click();
  await page.waitForURL(`${site.url}/**`);
  return { context, page };
}

/** The click on a launch form that is open, and the wait until the app answers. Returns the session's id. */
export async function launched({ page }: Person, minutes = 7): Promise<string> {
  await page.click('button:has-text("Launch")');
  await page.waitForURL(/\/launches\/la-/);
  return ready(page, minutes);
}

/** Until a progress page offers the session; its id. */
export async function ready(page: Page, minutes = 7): Promise<string> {
  const open = page.locator('form[action$="/open"]');
  await open
    .or(page.locator('.fault'))
    .first()
    .waitFor({ timeout: minutes * MINUTE });
  const fault = page.locator('.fault');
  if ((await fault.count()) > 0) throw new Error(`the launch failed: ${await fault.first().textContent()}`);
  return /hb-[a-z0-9]{10}/.exec((await open.first().getAttribute('action')) ?? '')?.[0] ?? '';
}

/** From a session's card to its JupyterLab, in a tab of its own. */
export async function opened({ context, page }: Person, site: Pick<Campus, 'url'>, id: string): Promise<Page> {
  await page.goto(`${site.url}/sessions`);
  const coming = context.waitForEvent('page');
  await page.locator(`[data-session="${id}"] button:has-text("Open")`).click();
  const lab = await coming;
  await withoutNews(lab);
  await lab.waitForSelector('.jp-LauncherCard, .jp-Notebook, .jp-FileEditor', { timeout: 2 * MINUTE });
  return lab;
}

/** By the click on its card. */
export async function stopped({ page }: Person, site: Pick<Campus, 'url'>, id: string): Promise<void> {
  await page.goto(`${site.url}/sessions`);
  const card = page.locator(`[data-session="${id}"]`);
  await card.locator('summary:has-text("Stop")').click();
  await card.locator('details[open] button.bad').click();
  await page.waitForURL(/done=stopped/, { timeout: 2 * MINUTE });
}

/** What scripts of this browser send to act: the login's own XSRF value, from the endpoint's origin. */
export async function acting({ context }: Person, site: Pick<Campus, 'url'>): Promise<Record<string, string>> {
  const me = (await (await context.request.get(`${site.url}/api/v1/me`)).json()) as { xsrf: string };
  return { 'x-xsrftoken': me.xsrf, origin: site.url };
}
