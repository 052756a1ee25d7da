/**
 * What the endpoint's pages know beforehand, on the devcluster in Chromium: when a launch would start and whether its image is
 * there; and a job that waits is changed by a click, so that it starts.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../browser.mjs';
import { on } from '../e2e/rig.ts';
import { at, LOGIN, root } from './as-user-rig.ts';
import { type Campus, campus } from './campus.ts';
import { type Person, ready, signedIn, stopped } from './campus-people.ts';
import { eventually } from './rig.ts';

const MINUTE = 60_000;
let site: Campus;
let browser: Browser;
let alice: Person;
let id: string;
const pictures = process.env.HPCBINDER_TEST_PICTURES;

beforeAll(async () => {
  browser = await launchBrowser();
  site = await campus();
  // what another test built would be taken
  await on('login', 'alice', 'rm -rf /scratch/$USER/hpcbinder/images');
}, 8 * MINUTE);
afterAll(async () => {
  await root('scancel -u bob');
  await browser?.close();
  await site?.[Symbol.asyncDispose]();
});

const picture = async ({ page }: Person, name: string) => {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
};

it(
  'says when it would start and that no image is there yet, as the fields change; and submits nothing',
  async () => {
    const told = await on(
      'login',
      'bob',
      `cd /tmp && sbatch --parsable -p gpu --gres=gpu:1 --mem=1G --time=30 --output=/dev/null --wrap='sleep 1800'`,
    );
    const state = () => on('login', 'bob', `squeue -h -j ${told.stdout} -o %T`);
    expect((await eventually(state, (seen) => seen.stdout === 'RUNNING', 60)).stdout).toBe('RUNNING');
    alice = await signedIn(browser, site, 'alice@campus', `${site.url}/${site.link}?gpus=2&time=1h&mem=1G`);
    const forecast = alice.page.locator('.forecast');
    await forecast.getByText(/starts in about \d+ min \(\d\d:\d\d\), as far as the scheduler can tell/).waitFor();
    await forecast.getByText('image not built yet, as far as this page knows; a batch job makes it').waitFor();
    await picture(alice, 'forecast');
    await alice.page.fill('#gpus', '1');
    await forecast.getByText('starts now, as far as the scheduler can tell').waitFor();
    await alice.page.fill('#gpus', '2');
    await forecast.getByText(/starts in about/).waitFor();
    expect(await root('squeue -h -u alice')).toBe('');
  },
  MINUTE * 2,
);

it(
  'what starts sooner is chosen by a click: the waiting job keeps its number, and starts',
  async () => {
    const { page } = alice;
    await page.click('button:has-text("Launch")');
    await page.waitForURL(/\/launches\/la-/);
    const ask = page.getByRole('button', { name: 'What would start sooner?' });
    await ask.waitFor({ timeout: 7 * MINUTE });
    expect(await page.textContent('main')).not.toMatch(/\(--|hpcbinder (?:stop|logs)/);
    await ask.click();
    await page.getByRole('button', { name: 'Ask again' }).waitFor({ timeout: MINUTE });
    await picture(alice, 'sooner');
    const before = (await root('squeue -h -u alice -o "%i %T"')).trim();
    expect(before).toMatch(/^\d+ PENDING$/);
    await page.getByRole('button', { name: 'Change to this shape, 1 h on gpu, 1 GPU' }).click();
    await page.getByText(/changed to 1 h on gpu, 1 GPU: job \d+ waits on as that/).waitFor();
    id = await ready(page);
    expect((await root('squeue -h -u alice -o "%i %T"')).trim()).toBe(before.replace('PENDING', 'RUNNING'));
    expect((await root('squeue -h -u alice -o "%b %l"')).trim()).toMatch(/gpu:1 1:00:00/);
  },
  10 * MINUTE,
);

it(
  'then the image is ready for the form, and admins see it, the build and who changed what',
  async () => {
    const { page } = alice;
    await page.goto(`${site.url}/${site.link}?gpus=1&time=1h&mem=1G`);
    const forecast = page.locator('.forecast');
    await forecast.getByText(/image ready, built \d\d:\d\d · \d+ MB/).waitFor();
    await picture(alice, 'ready');
    const dave = await signedIn(browser, site, 'dave@campus', `${site.url}/admin`);
    const tables = dave.page.locator('main');
    expect(await tables.locator('[aria-label=Images]').textContent()).toMatch(/alice.*quickstart.* MB/);
    expect(await tables.locator('[aria-label=Builds]').textContent()).toMatch(/alice.*made/);
    expect(await tables.locator('[aria-label=Sessions]').textContent()).toMatch(/alice.*c2/);
    expect(await tables.locator('[aria-label=Audit]').textContent()).toContain('reshape');
    await picture(dave, 'admin');
    const listed = await at('hpcbinder', ['hpcbinder', 'admin', 'images', '--json'], '', LOGIN);
    expect(JSON.parse(listed.stdout)).toEqual([expect.objectContaining({ account: 'alice', cluster: 'campus' })]);
    await stopped(alice, site, id);
  },
  3 * MINUTE,
);
