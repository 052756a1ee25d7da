/** Checkouts of this machine, one per commit or tree, kept for the next launch; made beside and renamed, so never half. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Checkout, ResolvedRepo } from '../core/artifacts.ts';
import { sha256 } from '../core/canonical.ts';
import type { CheckoutOptions } from '../repos/checkout.ts';
import { readRepoFiles } from '../repos/listing.ts';
import { cacheDir } from './paths.ts';

const KEEP_MS = 14 * 86_400_000;

export async function cachedCheckout(repo: ResolvedRepo, options: CheckoutOptions): Promise<Checkout> {
  const root = join(cacheDir(), 'checkouts');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  // with its address: an id alone opens nobody else's repository, where one process serves many (SECURITY BLD-02)
  const dir = join(root, nameOf(repo));
  if (existsSync(dir)) {
    utimesSync(dir, new Date(), new Date());
    return { repo, dir, files: await readRepoFiles(dir) };
  }
  sweep(root);
  const { checkout } = await import('../repos/checkout.ts');
  // two launches of one process at once, too
  const making = `${dir}.${randomBytes(4).toString('hex')}.${process.pid}`;
  const made = await checkout(repo, making, options);
  if (made.repo.kind === 'local' && repo.kind === 'local' && made.repo.tree !== repo.tree) return made;
  try {
    renameSync(making, dir);
  } catch (error) {
    // another launch of the same commit was faster
    if (!existsSync(dir)) throw error;
    rmSync(making, { recursive: true, force: true });
  }
  return { ...made, dir, files: await readRepoFiles(dir) };
}

/** With what opened it, too: who cannot open it finds nothing here by its commit. */
function nameOf(repo: ResolvedRepo): string {
  if (repo.kind === 'local') return repo.tree;
  const { user, password } = repo.credentials ?? {};
  const from = user === undefined ? repo.url : JSON.stringify([repo.url, user, password]);
  return `${repo.commit}-${sha256(from).slice(0, repo.credentials ? 64 : 12)}`;
}

/** What nobody used for two weeks, and what a killed process left. */
function sweep(root: string): void {
  for (const name of readdirSync(root)) {
    const path = join(root, name);
    const pid = /\.([0-9]+)$/.exec(name)?.[1];
    const orphan = pid !== undefined && !existsSync(`/proc/${pid}`) && Date.now() - statSync(path).mtimeMs > 3_600_000;
    if (orphan || Date.now() - statSync(path).mtimeMs > KEEP_MS) rmSync(path, { recursive: true, force: true });
  }
}
