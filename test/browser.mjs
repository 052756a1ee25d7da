// A real Chromium, driven as a person would: opens the session's link, runs cells in JupyterLab. Used by the demo's check and the tests.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];

export function browserPath() {
  return [process.env.HPCBINDER_TEST_BROWSER, ...PLACES].find((path) => path !== undefined && existsSync(path));
}

/** Installs Debian's Chromium where we are root and may; undefined where there is none and can be none. */
export function ensureBrowser() {
  const found = browserPath();
  if (found || process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return found;
  process.stderr.write('installing chromium for the browser tests\n');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 2, 2], env });
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], {
    stdio: ['ignore', 'ignore', 2],
    env,
  });
  return browserPath();
}

export async function launchBrowser(more = []) {
  const { chromium, how } = await chromiumHere(more);
  return chromium.launch(how);
}

/** A browser with a profile of its own, whose settings lie in the folder. */
export async function launchProfile(folder) {
  const { chromium, how } = await chromiumHere([]);
  return chromium.launchPersistentContext(folder, how);
}

async function chromiumHere(more) {
  const executablePath = browserPath();
  if (!executablePath) throw new Error('there is no Chromium here: install it, or name it in HPCBINDER_TEST_BROWSER');
  const { chromium } = await import('playwright-core');
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    ...more,
  ];
  return { chromium, how: { executablePath, args } };
}

/** Jupyter asks whether it may tell news, in a corner and at any moment: it takes the focus from a cell. */
export function withoutNews(page) {
  const toast = page.locator('.Toastify__toast', { hasText: 'Jupyter news' });
  return page.addLocatorHandler(toast, () => toast.getByRole('button', { name: 'No', exact: true }).click());
}

/** Opens the one-time link and waits for JupyterLab's launcher or an open document. */
export async function openLab(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  const page = await context.newPage();
  await withoutNews(page);
  await page.goto(url, { timeout: 60_000 });
  await page.waitForSelector('.jp-LauncherCard, .jp-Notebook, .jp-FileEditor', { timeout: 120_000 });
  return page;
}

/** JupyterLab drops a run that comes before its kernel is connected, and shows "idle" before that too: the server knows. */
export async function kernelReady(page, path) {
  const isReady = async (wanted) => {
    const { baseUrl } = JSON.parse(document.getElementById('jupyter-config-data').textContent);
    const sessions = await (await fetch(`${baseUrl}api/sessions`)).json();
    return sessions.some(
      ({ path, kernel }) =>
        (wanted === undefined || path === wanted) && kernel.execution_state === 'idle' && kernel.connections > 0,
    );
  };
  await page.waitForFunction(isReady, path, { timeout: 120_000, polling: 300 });
}

/** A new notebook by a click on the launcher's Python card; returns a function that runs code in its next cell and gives the output. */
export async function newNotebook(page) {
  if ((await page.locator('.jp-LauncherCard[data-category="Notebook"]').count()) === 0) {
    // a workspace of its own begins with the launcher, whatever was open before
    const name = `check-${Math.random().toString(36).slice(2)}`;
    await page.goto(`${new URL(page.url()).origin}/lab/workspaces/${name}`, { timeout: 60_000 });
  }
  await page.locator('.jp-LauncherCard[data-category="Notebook"]').first().click();
  const notebook = page.locator('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook');
  await notebook.locator('.jp-CodeCell').first().waitFor({ timeout: 60_000 });
  await kernelReady(page);
  let count = 0;
  return async (code, timeout = 60_000) => {
    const mark = `done-${++count}-${Math.random().toString(36).slice(2)}`;
    const cells = notebook.locator('.jp-CodeCell');
    const cell = cells.nth((await cells.count()) - 1);
    await cell
      .locator('.cm-content')
      .click()
      .catch(async (error) => {
        // a click that a dialog swallows says nothing of the dialog
        const said = await page.locator('.jp-Dialog').allTextContents();
        throw said.length > 0 ? new Error(`JupyterLab asks: ${said.join(' · ')}`, { cause: error }) : error;
      });
    await page.keyboard.insertText(
      `${code}\nprint(${JSON.stringify(mark.slice(0, 5))} + ${JSON.stringify(mark.slice(5))})`,
    );
    // of the whole notebook: the new cell below is the last one as soon as this one runs
    const output = notebook.locator('.jp-OutputArea-output').filter({ hasText: mark });
    const failed = notebook.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]');
    const shown = (ms) =>
      Promise.race([output.first().waitFor({ timeout: ms }), failed.first().waitFor({ timeout: ms })]);
    const prompt = cell.locator('.jp-InputArea-prompt');
    for (let tries = 0; tries < 10 && (await prompt.textContent())?.trim() === '[ ]:'; tries++) {
      // of the cell, not of what has the focus by now; again where JupyterLab, still at its start, took no notice
      await cell.locator('.cm-content').press('Shift+Enter');
      await shown(3_000).catch(() => {});
    }
    await shown(timeout);
    if ((await output.count()) === 0) throw new Error(`the cell failed: ${await failed.first().textContent()}`);
    return (await output.first().textContent()).replace(mark, '').trim();
  };
}
