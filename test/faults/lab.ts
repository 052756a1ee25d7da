/** JupyterLab in the browser, in the hands of somebody who types and does not save. */
import type { Page } from 'playwright-core';

/** As a person of this origin would: the page's cookie is the key. `path` is below the app's base. */
export async function put(page: Page, path: string, body: object): Promise<void> {
  await page.evaluate(
    async ([to, text]) => {
      const { baseUrl } = JSON.parse(document.getElementById('jupyter-config-data')?.textContent ?? '{}');
      const answer = await fetch(`${baseUrl}${to}`, {
        method: 'PUT',
        body: text,
        headers: { 'Content-Type': 'application/json' },
      });
      if (!answer.ok) throw new Error(`${to}: ${answer.status}`);
    },
    [path, JSON.stringify(body)] as const,
  );
}

/** JupyterLab's own saving each two minutes would hide ours. */
export function withoutAutosave(page: Page): Promise<void> {
  return put(page, 'lab/api/settings/@jupyterlab/docmanager-extension:plugin', {
    raw: JSON.stringify({ autosave: false }),
  });
}

export function textFile(page: Page, name: string): Promise<void> {
  return put(page, `api/contents/${name}`, { type: 'file', format: 'text', content: `${name}\n` });
}

/** Reloads until the file browser has it. */
export async function shown(page: Page, name: string): Promise<void> {
  await page.reload();
  await page.locator('.jp-DirListing-item', { hasText: name }).waitFor({ timeout: 120_000 });
}

/** Opens a file beside the others and types at its end; nothing is saved by it. */
export async function type(page: Page, name: string, text: string): Promise<void> {
  await page.getByRole('treeitem').or(page.locator('.jp-DirListing-item')).filter({ hasText: name }).first().dblclick();
  const editor = page.locator('.jp-Document:not(.lm-mod-hidden) .cm-content').first();
  await editor.waitFor({ timeout: 60_000 });
  await editor.click();
  await page.keyboard.press('Control+End');
  await page.keyboard.insertText(text);
  await page.locator('.lm-TabBar-tab.jp-mod-dirty', { hasText: name }).waitFor({ timeout: 30_000 });
}
