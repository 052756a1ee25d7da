/** The config file on disk: read strictly, changed entry by entry so that the user's comments stay. */
import { existsSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, parseConfig } from '../core/config.ts';
import { configDir } from './paths.ts';

export function configPath(): string {
  return join(configDir(), 'config.yaml');
}

export function loadConfig(): Config {
  const path = configPath();
  return existsSync(path) ? parseConfig(readFileSync(path, 'utf8'), path) : {};
}

/** The file's own text; what to type where there is none. */
export function showConfig(): string {
  const path = configPath();
  return existsSync(path) ? readFileSync(path, 'utf8') : `# ${path} does not exist yet: hpcbinder cluster add\n`;
}

type Plain = { [key: string]: unknown };

/**
 * Adds or replaces an entry. The first one becomes the default. `devcluster` never does: chooseCluster takes it while it
 * is alone, and a real one takes its place.
 */
export async function writeClusterEntry(name: string, entry: Plain): Promise<void> {
  await change((root) => {
    const before = root.get('clusters') as { items?: { key: unknown }[] } | undefined | null;
    // `clusters:` with nothing below it, or `clusters: {}`, as the last one leaves it, whose braces all others would be in
    if (!before?.items?.length && root.has('clusters')) root.delete('clusters');
    const real = (before?.items ?? []).filter(({ key }) => ![name, 'devcluster'].includes(String(key)));
    root.setIn(['clusters', name], root.createNode(entry));
    if (name !== 'devcluster' && real.length === 0) root.set('default', name);
  });
}

export async function removeClusterEntry(name: string): Promise<boolean> {
  let found = false;
  await change((root) => {
    found = root.hasIn(['clusters', name]);
    if (found) root.deleteIn(['clusters', name]);
    if (root.get('default') === name) root.delete('default');
  });
  return found;
}

export async function setDefault(name: string): Promise<void> {
  await change((root) => root.set('default', name));
}

async function change(edit: (root: import('yaml').Document) => void): Promise<void> {
  const { Document, parseDocument } = await import('yaml');
  // a link, as people keep who have their settings in a repository, stays one
  const path = existsSync(configPath()) ? realpathSync(configPath()) : configPath();
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (text !== '') parseConfig(text, path);
  const document = text.trim() === '' ? new Document({ schema: 1 }) : parseDocument(text);
  edit(document as import('yaml').Document);
  const result = document.toString();
  parseConfig(result, path);
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, result, { mode: 0o600 });
  renameSync(temporary, path);
}
