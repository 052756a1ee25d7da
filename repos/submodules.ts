/** Submodules, one by one and only after their entries were read: the place of most of git's old holes (GIT-06, GIT-07). */
import { join } from 'node:path';
import { HpcbinderError } from '../core/errors.ts';
import { harmless, hasControls, lastLines } from '../core/text.ts';
import { type GitAccess, git } from './git.ts';
import type { Limits } from './limits.ts';
import { parseRepo } from './parse.ts';

type Submodule = { name: string; path: string; url: string };

/** Those of `dir` and theirs, as deep and as many as the limits allow. E-REPO-FETCH names the one that failed. */
export async function addSubmodules(
  dir: string,
  access: GitAccess & { url?: string },
  limits: Limits,
  at: { depth: number; count: { left: number } } = { depth: 0, count: { left: limits.submodules } },
): Promise<void> {
  const modules = await listSubmodules(dir, access);
  if (modules.length === 0) return;
  if (at.depth >= limits.submoduleDepth) throw failed(modules[0], `lies more than ${limits.submoduleDepth} deep`);
  for (const module of modules) {
    if (at.count.left-- <= 0) throw failed(module, `is one of more than ${limits.submodules}`);
    check(module, access);
    const url = addressOf(module, access);
    const inside = url === undefined ? access : elsewhere(access, url);
    const result = await git(
      ['submodule', '--quiet', 'update', '--init', '--checkout', '--depth=1', '--', module.path],
      { ...inside, cwd: dir, timeoutMs: limits.fetchMs },
    );
    if (result.code !== 0) throw failed(module, 'could not be fetched', lastLines(result.stderr, 3));
    await addSubmodules(join(dir, module.path), inside, limits, { depth: at.depth + 1, count: at.count });
  }
}

/** Entries of .gitmodules, as committed, whose path the commit holds as a submodule. */
async function listSubmodules(dir: string, access: GitAccess): Promise<Submodule[]> {
  const how = { ...access, cwd: dir };
  const config = await git(['config', '--blob', 'HEAD:.gitmodules', '-z', '--list'], how);
  if (config.code !== 0) return [];
  const tree = await git(['ls-tree', '-r', '-z', 'HEAD'], how);
  const links = new Set(
    tree.stdout.split('\0').flatMap((line) => /^160000 commit [0-9a-f]+\t(.*)$/s.exec(line)?.[1] ?? []),
  );
  const byName = new Map<string, Map<string, string>>();
  for (const entry of config.stdout.split('\0')) {
    const [, name, key, value] = /^submodule\.(.*)\.(path|url)\n(.*)$/s.exec(entry) ?? [];
    if (name === undefined || key === undefined || value === undefined) continue;
    byName.set(name, (byName.get(name) ?? new Map()).set(key, value));
  }
  return [...byName]
    .map(([name, values]) => ({ name, path: values.get('path') ?? '', url: values.get('url') ?? '' }))
    .filter((module) => links.has(module.path));
}

/** Before git sees them: options, controls, ways out of the checkout, and addresses that parseRepo would refuse. */
function check(module: Submodule, access: GitAccess): void {
  for (const word of [module.name, module.path]) {
    const parts = word.split('/');
    if (
      hasControls(word) ||
      word.startsWith('-') ||
      parts.some((part) => part === '..' || part.toLowerCase() === '.git')
    ) {
      throw failed(module, 'has a name or path that is refused');
    }
  }
  if (/^\.{1,2}\//.test(module.url) && !hasControls(module.url)) return;
  try {
    if (parseRepo(module.url, { allowHttp: access.allowHttp === true }).kind === 'git' && /:\/\/|@/.test(module.url))
      return;
  } catch (error) {
    if (!(error instanceof HpcbinderError)) throw error;
  }
  throw failed(module, `has the address "${harmless(module.url.slice(0, 120))}", which is refused`);
}

/** Under a guard the address that git will ask, for it is judged before; otherwise undefined. */
function addressOf(module: Submodule, access: GitAccess & { url?: string }): string | undefined {
  if (access.guard === undefined) return undefined;
  const base = access.url === undefined ? undefined : new URL(`${access.url.replace(/\/*$/, '')}/`);
  const url = URL.canParse(module.url, base) ? new URL(module.url, base) : undefined;
  const served = url?.protocol === 'https:' || (url?.protocol === 'http:' && access.allowHttp);
  if (url !== undefined && served && !leavesHost(module.url, base)) return url.href;
  throw failed(
    module,
    `has the address "${harmless(module.url.slice(0, 120))}", and an endpoint fetches over https alone`,
  );
}

/** Credentials are for the host that they were given for, whatever a repository names as its part. */
function elsewhere<A extends GitAccess & { url?: string }>({ credentials, ...access }: A, url: string) {
  const same = access.url !== undefined && new URL(access.url).origin === new URL(url).origin;
  return { ...access, url, ...(same && credentials ? { credentials } : {}) };
}

/** git takes one part of the whole address for each `../`, the host too: `../../other.example/x` is another one's. */
function leavesHost(address: string, base: URL | undefined): boolean {
  const [ups] = /^(?:\.{1,2}\/)*/.exec(address) ?? [''];
  const up = ups.split('/').filter((part) => part === '..').length;
  const rest = address.slice(ups.length);
  if (ups === '') return false;
  const parts = (base?.pathname ?? '').split('/').filter((part) => part !== '').length;
  return up > parts || rest.split('/').some((part) => part === '' || part === '.' || part === '..');
}

function failed(module: Submodule | undefined, why: string, evidence: readonly string[] = []): HpcbinderError {
  return new HpcbinderError('E-REPO-FETCH', {
    message: `the submodule "${harmless(module?.name ?? '')}" ${why}`,
    evidence,
    hint: 'Correct .gitmodules: addresses must be https://, ssh:// or relative. Or clone it yourself and launch the directory.',
  });
}
