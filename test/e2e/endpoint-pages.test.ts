/** The pages in a real Chromium, on a fake endpoint: what is live, by keyboard, for a screen reader, and how much is loaded. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ensureBrowser, launchBrowser } from '../browser.mjs';
import { EVENTS, FAILED, LAUNCH, SESSIONS, SOONER } from '../server/web/canned.ts';
import { type FakeEndpoint, fakeEndpoint, XSRF } from '../server/web/rig.ts';

jest.setTimeout(30_000);

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PROGRESS = `/launches/${LAUNCH.id}`;
const PAGES = [
  '/v2/gh/org/repo/main?partition=gpu&mount=x',
  '/v2/gh/org/repo/main?partition=night&gpus=h100:1&data=era6',
  PROGRESS,
  `${PROGRESS}/log`,
  '/sessions',
  '/badge?repo=org/repo',
  '/tokens',
  '/repositories',
  '/me',
  '/admin',
  '/launches/none',
];
const MOST_BYTES = 100_000;

let fake: FakeEndpoint;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  ensureBrowser();
  [fake, browser] = await Promise.all([fakeEndpoint(), launchBrowser()]);
  context = await browser.newContext({ viewport: { width: 1100, height: 900 } });
  await context.grantPermissions(['notifications', 'clipboard-read', 'clipboard-write']);
  page = await context.newPage();
  watch(page);
});
afterAll(async () => {
  await browser?.close();
  await fake?.close();
});
beforeEach(() => {
  complaints.length = 0;
  fake.posted.length = 0;
});

/** What the browser refuses or a module throws is a fault of ours, whatever else the test looks at. */
function watch(one: Page): void {
  one.on('pageerror', (error) => complaints.push(String(error)));
  one.on('console', (message) => {
    if (message.type() === 'error' && !/status of (?:4|5)\d\d/.test(message.text())) complaints.push(message.text());
  });
  one.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
}

async function open(path: string, on = page): Promise<Page> {
  await on.goto(fake.url + path);
  return on;
}

/** Presses Tab until the element has the focus; throws where no number of them gets there. */
async function tabTo(selector: string, on = page): Promise<void> {
  for (let presses = 0; presses < 80; presses++) {
    if (await on.evaluate(`document.activeElement?.matches(${JSON.stringify(selector)})`)) return;
    await on.keyboard.press('Tab');
  }
  throw new Error(`no number of tabs leads to ${selector}`);
}

describe('the launch form', () => {
  it('looks the repository up as it is typed, and says what it found or why not', async () => {
    await open('/');
    await page.fill('#repo', 'org/missing');
    await page.locator('#repo-check.bad', { hasText: 'there is no such repository. Is it private?' }).waitFor();
    await page.fill('#repo', 'org/repo');
    await page.locator('#repo-check.good', { hasText: 'org/repo @ main → 4f1c2ab · 3 hours ago' }).waitFor();
    await page.fill('#repo', 'not a repository');
    await page.locator('#repo-check.bad').waitFor();
    expect(complaints).toEqual([]);
  });

  it('follows the choice of cluster and partition, and keeps what was typed', async () => {
    await open('/');
    await page.fill('#time', '90m');
    expect(await page.locator('#gpus').count()).toBe(0);
    await page.selectOption('#partition', 'gpu');
    await page
      .locator('#partition-note', { hasText: '8 nodes of 48 cores, 256 GB, 4 × a100 · free now: 90 cores, 7 GPUs' })
      .waitFor();
    await page.fill('#gpus', '2');
    await page.selectOption('#partition', 'debug');
    await page.locator('#time-wrong', { hasText: 'at most 30 min here' }).waitFor();
    await page.selectOption('#cluster', 'teaching');
    await page
      .locator('#partition option', { hasText: 'lessons · 412 cores free · up to 2 h' })
      .waitFor({ state: 'attached' });
    expect(await page.inputValue('#time')).toBe('90m');
    expect(fake.posted).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('keeps the GPUs that a link asks for whatever partition is chosen, and says what of it is not to be had', async () => {
    await open('/v2/gh/org/repo/main?gpus=h100:2');
    expect([await page.inputValue('#partition'), await page.inputValue('#gpus')]).toEqual(['gpu', '2']);
    await page.getByText('GPU type h100 was asked for, and it is not offered in partition gpu').waitFor();
    await page.selectOption('#partition', 'cpu');
    await page.getByText('this partition has none').waitFor();
    expect(await page.inputValue('#gpus')).toBe('2');
    expect(complaints).toEqual([]);
  });

  it('does not wait for a cluster that is slow to say what it offers, and takes it when it comes', async () => {
    fake.world.offers = false;
    await open('/v2/gh/org/repo/main?partition=gpu');
    await page.locator('select#partition').waitFor();
    expect(await page.inputValue('#partition')).toBe('gpu');
    expect(await page.content()).not.toContain('did not say in time');
    fake.world.offers = true;
  });

  it('says what a launch would meet, anew when a field rests, and nothing of a repository that is not there', async () => {
    await open('/v2/gh/org/repo/main?partition=gpu&gpus=1');
    const forecast = page.locator('.forecast');
    await forecast.getByText('starts now, as far as the scheduler can tell').waitFor();
    await forecast.getByText(/image ready, built .* · 410 MB/).waitFor();
    await forecast.getByText('24 h instead of 72 h: the limit of this endpoint').waitFor();
    await tabTo('#gpus');
    await page.keyboard.press('ArrowUp');
    await forecast.getByText(/starts in about 3 h \(.*\), as far as/).waitFor();
    await page.fill('#gpus', '8');
    await forecast.getByText('starts never: no node has so many GPUs').waitFor();
    await page.fill('#repo', 'org/missing');
    await page.locator('#repo-check.bad').waitFor();
    expect(await forecast.textContent()).toBe('');
    expect(fake.posted).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('launches by keyboard alone, once, and leads to the progress', async () => {
    await open('/v2/gh/org/repo/main?partition=gpu&gpus=1');
    // the first half second, in which the button takes nothing (WEB-06)
    await page.locator('#repo-check.good').waitFor();
    await page.locator('form.launch button.go:enabled').waitFor();
    await tabTo('#partition');
    await tabTo('#time');
    await page.keyboard.type('2h');
    await tabTo('form.launch button.go');
    await page.keyboard.press('Enter');
    await page.waitForURL(`**${PROGRESS}`);
    expect(fake.posted).toEqual([
      {
        path: '/launch',
        body: expect.objectContaining({
          _xsrf: XSRF,
          repo: 'https://github.com/org/repo',
          ref: 'main',
          partition: 'gpu',
          gpus: '1',
          time: '2h',
        }),
      },
    ]);
  });

  it('does nothing by a click that was meant for what stood there before (WEB-06)', async () => {
    await open('/v2/gh/org/repo/main');
    // by the animation's clock: no click of a person is this early
    const early = `getComputedStyle(document.querySelector('form.launch button.go')).pointerEvents`;
    await page.evaluate(`document.getAnimations().forEach((one) => { one.pause(); one.currentTime = 300; })`);
    expect(await page.evaluate(early)).toBe('none');
    await page.evaluate(`document.getAnimations().forEach((one) => one.finish())`);
    expect(await page.evaluate(early)).toBe('auto');
  });
});

describe('the progress page', () => {
  it('fills as the launch goes on, and the title says where it stands', async () => {
    await open(PROGRESS);
    await page.locator('.phases li.running', { hasText: 'jobs of higher priority are ahead' }).waitFor();
    expect(await page.title()).toBe('queued · climate-notebooks');
    expect(await page.locator('.phases').innerText()).toMatch(
      /sooner: ask for less time\s+likely start \S+( \S+)?, in 4\d min/,
    );
    expect(await page.locator('main').innerText()).toContain('Closing this tab changes nothing');
    fake.tell({ type: 'done', phase: 'queue', text: 'waited 3 min', seconds: 180 });
    fake.tell({ type: 'update', phase: 'start', text: 'node g07' });
    await page.locator('.phases li.running', { hasText: 'node g07' }).waitFor();
    expect(await page.locator('[aria-live=polite]').innerText()).toBe('Now: starting on its node.');
    expect(await page.title()).toBe('start · climate-notebooks');
  });

  it('has by keyboard what would start sooner, and a click for each that changes the job', async () => {
    fake.restart();
    await open(PROGRESS);
    await tabTo('form[action$="/sooner"] button');
    const answered = page.waitForEvent('load');
    await page.keyboard.press('Enter');
    await answered;
    fake.world.sooner = SOONER;
    await open(PROGRESS);
    expect((await page.locator('.shapes').innerText()).replaceAll(/\s+/g, ' ')).toMatch(
      /^1 h on gpu now Change to this shape, 1 h on gpu 2 h on gpu-short in about 10 min \(.*\) Change to this shape, 2 h on gpu-short 2 h on gpu in about 3 h \(.*\) as submitted$/,
    );
    await tabTo('form:has([name=partition][value=gpu-short]) button');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/sessions?done=stopped');
    const shape = { partition: 'gpu-short', seconds: '7200', cpus: '8', memoryMb: '32768', gpus: '1' };
    expect(fake.posted).toEqual([
      { path: `${PROGRESS}/sooner`, body: { _xsrf: XSRF } },
      { path: `${PROGRESS}/shape`, body: { _xsrf: XSRF, ...shape } },
    ]);
    fake.world.sooner = { ...SOONER, canChange: false };
    await open(PROGRESS);
    await page.getByRole('link', { name: 'Form for 1 h on gpu' }).click();
    await page.waitForURL(/v2\/gh\/org\/climate-notebooks\/main\?partition=gpu&gpus=1&cpus=8&mem=32G&time=1h/);
    fake.world.sooner = SOONER;
    await open(PROGRESS);
    fake.tell({ type: 'done', phase: 'queue', text: 'waited 3 min', seconds: 180 });
    await page.locator('.sooner').waitFor({ state: 'detached' });
    fake.tell({ type: 'update', phase: 'start', text: 'node g07' });
    await page.locator('.phases li.running', { hasText: 'node g07' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('unfolds a terminal view, of which nothing was loaded before, and which runs nothing (WEB-13)', async () => {
    const loaded: string[] = [];
    page.on('response', (response) => loaded.push(response.url()));
    await page.locator('details.log > summary').click();
    const terminal = page.locator('.terminal');
    await terminal.waitFor();
    expect(loaded.filter((url) => /terminal-|ansi|index-/.test(url)).length).toBeGreaterThan(0);
    expect((await terminal.innerText()).split('\n')).toEqual([
      'Collecting numpy',
      '100 % done',
      'ERROR: <img src=x onerror=alert(1)> link',
    ]);
    expect(await terminal.locator('a, img').count()).toBe(0);
    expect(await terminal.locator('.t-green').innerText()).toBe('100 % done');
    const script = '</script><script>alert(1)</script>';
    fake.tell({ type: 'log', phase: 'start', line: script });
    fake.tell({ type: 'log', phase: 'start', line: '<'.repeat(100_000) });
    fake.tell({ type: 'warning', text: script });
    await page.locator('.asides', { hasText: script }).waitFor();
    expect(await terminal.locator('div').nth(3).textContent()).toBe(script);
    fake.tell({ type: 'log', phase: 'start', line: 'one more line' });
    await terminal.getByText('one more line').waitFor();
    expect(complaints).toEqual([]);
  });

  it('says that the connection is lost, and goes on by itself when it is back', async () => {
    fake.world.down = true;
    fake.cut();
    await page.getByRole('alert').filter({ hasText: 'Connection lost' }).waitFor();
    fake.world.down = false;
    await page.getByRole('alert').waitFor({ state: 'detached', timeout: 15_000 });
    expect(await page.locator('.phases li').count()).toBe(8);
  });

  it('tells when it is ready, where the wish was said, and has the way in', async () => {
    await page.evaluate(
      `window.Notification = class { static permission = 'granted'; static requestPermission = async () => 'granted'; constructor(title) { (window.told ??= []).push(title); } }`,
    );
    await page.getByRole('button', { name: 'Tell me when it is ready' }).click();
    await page.locator('button[aria-pressed=true]').waitFor();
    fake.tell({ type: 'launch', launch: { ...LAUNCH, state: 'ready', session: 'hb-k3f9q2x7ma' } });
    await page.locator('form[action$="/sessions/hb-k3f9q2x7ma/open"] button').waitFor();
    // both are told after the picture is drawn
    await page.waitForFunction("document.title.startsWith('ready') && window.told");
    expect(await page.title()).toBe('ready · climate-notebooks');
    expect(await page.evaluate('window.told')).toEqual(['Ready']);
    fake.restart();
  });
});

describe('my sessions', () => {
  it('shows the last hour of each, with an idle GPU named, and the end that comes near', async () => {
    await open('/sessions');
    const first = page.locator(`[data-session=${SESSIONS[0]?.id}]`);
    await first.locator('svg').nth(2).waitFor();
    expect(await first.innerText()).toMatch(
      /CPU\s+[\d.]+ of 8 cores\s+Memory\s+19.2 GB of 32 GB\s+GPU\s+0 % · 0.4 of 40 GB/,
    );
    expect(await first.innerText()).toContain('The GPU has done nothing for 20 min');
    expect(await first.locator('.countdown.soon').count()).toBe(0);
    expect(await page.locator(`[data-session=${SESSIONS[1]?.id}] .countdown.soon`).textContent()).toMatch(
      /ends \S+, in 9 min/,
    );
    expect(await page.title()).toBe('3 live · My sessions');
    expect(complaints).toEqual([]);
  });

  it('has a launch that failed before it had a session, also as it goes on', async () => {
    const card = page.locator(`[data-launch=${FAILED.id}]`);
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    expect(await card.textContent()).toContain('pip could not install nunpy');
    await card.getByRole('button', { name: 'Relaunch' }).click();
    await page.waitForEvent('load');
    expect(fake.posted.map(({ path }) => path)).toEqual([`/launches/${FAILED.id}/relaunch`]);
    await open('/sessions');
  });

  it('follows what happens without being loaded anew', async () => {
    fake.world.sessions = SESSIONS.slice(2);
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    await page.locator(`[data-session=${SESSIONS[0]?.id}]`).waitFor({ state: 'detached' });
    expect(await page.title()).toBe('1 live · My sessions');
    fake.world.sessions = SESSIONS;
  });

  it.each([
    ['open', 'form[action$="k3f9q2x7ma/open"] button', []],
    [
      'extend',
      '[data-session=hb-k3f9q2x7ma] details:has(form[action$=extend]) > summary',
      ['form[action$="k3f9q2x7ma/extend"] button'],
    ],
    ['touch', 'form[action$="p2c0aaaaaa/touch"] button', []],
    [
      'stop',
      '[data-session=hb-k3f9q2x7ma] details:has(form[action$=stop]) > summary',
      ['form[action$="k3f9q2x7ma/stop"] button'],
    ],
    ['relaunch', 'form[action$="8xraaaaaaa/relaunch"] button', []],
  ])('can be told by keyboard to %s', async (verb, first, next) => {
    let tab: Page | undefined;
    await open('/sessions');
    const selectors = [first, ...next];
    for (const selector of selectors) {
      await tabTo(selector);
      const answered = verb === 'open' ? context.waitForEvent('page') : page.waitForEvent('load');
      await page.keyboard.press('Enter');
      if (selector === selectors.at(-1)) tab = await answered;
      else answered.catch(() => {});
    }
    expect(fake.posted.map(({ path }) => path)).toEqual([expect.stringMatching(`/${verb}$`)]);
    expect(fake.posted[0]?.body._xsrf).toBe(XSRF);
    if (tab !== page) await tab?.close();
  });

  it('shows why an extension was refused', async () => {
    await open('/sessions');
    const card = page.locator('[data-session=hb-k3f9q2x7ma]');
    await card.locator('summary', { hasText: 'Extend' }).click();
    await card.getByRole('button', { name: 'Extend' }).click();
    await page.getByRole('alert').filter({ hasText: 'this scheduler lets users only shorten' }).waitFor();
  });
});

describe('the badge maker', () => {
  it('writes the badge as the form is filled, and copies it', async () => {
    await open('/badge');
    await page.fill('#repo', 'https://github.com/org/repo/tree/dev');
    await page.fill('#gpus', '1');
    await page.getByText('/v2/gh/org/repo/dev?gpus=1').first().waitFor();
    await page.getByRole('button', { name: 'Copy as Markdown' }).click();
    await page.getByText('copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toMatch(
      /^\[!\[launch on the cluster\]\(.*\/badge_logo\.svg\)\]\(.*\/v2\/gh\/org\/repo\/dev\?gpus=1\)$/,
    );
    await page.fill('#time', 'soon');
    await page.getByRole('alert').filter({ hasText: '"soon" is no duration' }).waitFor();
    expect(complaints).toEqual([]);
  });
});

describe('every page', () => {
  beforeAll(() => {
    fake.restart();
    fake.world.sooner = SOONER;
  });

  it('has nothing that axe-core complains of, in light and in dark', async () => {
    const found: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      // nothing but colours is other in the dark
      const only = colorScheme === 'dark' ? { runOnly: ['color-contrast'] } : {};
      const rules = JSON.stringify({ resultTypes: ['violations'], ...only });
      for (const path of PAGES) {
        await open(path);
        await page.evaluate(
          `document.querySelectorAll('details').forEach((one) => { one.open = !one.matches('.menu'); })`,
        );
        if (path === '/sessions') await page.locator('svg').first().waitFor();
        if (path.startsWith('/v2/')) await page.locator('.forecast p').first().waitFor();
        await page.evaluate(AXE);
        const { violations } = (await page.evaluate(`axe.run(${rules})`)) as {
          violations: { id: string; nodes: { html: string }[] }[];
        };
        found.push(
          ...violations.map(({ id, nodes }) => `${colorScheme} ${path}: ${id} ${nodes[0]?.html.slice(0, 200)}`),
        );
      }
    }
    await page.emulateMedia({ colorScheme: 'light' });
    expect(found).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it(`loads less than ${MOST_BYTES / 1000} kB, unpacked, until a log is unfolded`, async () => {
    const fresh = await browser.newContext();
    const one = await fresh.newPage();
    let sizes: Promise<number>[] = [];
    one.on('response', (response) => {
      if (!response.url().includes('/api/')) sizes.push(response.body().then((body) => body.length));
    });
    for (const path of PAGES) {
      sizes = [];
      await open(path, one);
      const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
      expect({ path, total, under: total < MOST_BYTES }).toEqual({ path, total, under: true });
      if (path === PROGRESS) expect(total).toBeGreaterThan(50_000);
    }
    await fresh.close();
  });

  it('is never wider than a phone', async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    for (const path of PAGES) {
      await open(path);
      expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, 320]);
    }
    await page.setViewportSize({ width: 1100, height: 900 });
  });

  it('begins with the way past the navigation', async () => {
    await open('/sessions');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
  });

  it('moves nothing for those who asked their system for that', async () => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await open(PROGRESS);
    await page.locator('.phases li.running').waitFor();
    expect(await page.evaluate(`document.getAnimations({ subtree: true }).length`)).toBe(0);
    await page.emulateMedia({ reducedMotion: 'no-preference' });
  });

  it('works without script: the form launches, the progress comes again by itself, stop asks and stops', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const one = await plain.newPage();
    await open('/v2/gh/org/repo/main', one);
    expect(await one.locator('.forecast').textContent()).toBe('');
    await one.waitForTimeout(700);
    await one.getByRole('button', { name: 'Launch' }).click();
    await one.waitForURL(`**${PROGRESS}`);
    expect(await one.locator('.phases li').count()).toBe(EVENTS.filter(({ type }) => type === 'done').length + 1);
    expect(await one.content()).toContain('http-equiv="refresh"');
    await open('/sessions', one);
    const card = one.locator('[data-session=hb-k3f9q2x7ma]');
    await card.getByText('Stop', { exact: true }).click();
    await card.getByRole('button', { name: 'Stop k3f' }).click();
    await one.getByText('Stopped. The work directory is kept.').waitFor();
    expect(fake.posted.map(({ path }) => path)).toEqual(['/launch', '/sessions/hb-k3f9q2x7ma/stop']);
    await plain.close();
  });
});
