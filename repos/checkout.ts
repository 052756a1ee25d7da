/** ResolvedRepo → a private directory with its content: the one commit, shallow, under limits, gone again on failure. */
import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkout, ResolvedRepo } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import { fetchCommit } from './fetch.ts';
import { type GitAccess, git } from './git.ts';
import { DEFAULT_LIMITS, type Limits, overFiles } from './limits.ts';
import { readRepoFiles } from './listing.ts';
import { contentHash, copyLocal, shallowGit } from './local.ts';
import { parseSubdir } from './parse.ts';
import { addSubmodules } from './submodules.ts';

export type CheckoutOptions = Omit<GitAccess, 'timeoutMs'> & {
  on?: OnProgress;
  limits?: Partial<Limits>;
  /** only this directory of it is the repository (REES section 1.1) */
  subdir?: string;
};

/**
 * `dir` must not exist, or be empty; where this fails nothing is left of it. A directory's content is hashed again as copied:
 * the answer's `repo` names what is there now. E-REPO-FETCH, E-REPO-MISSING, E-REF-MISSING, E-REPO-FILE, E-CANCELLED.
 */
export async function checkout(repo: ResolvedRepo, dir: string, options: CheckoutOptions = {}): Promise<Checkout> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  await mkdir(dir, { recursive: true, mode: 0o700 });
  if ((await readdir(dir)).length > 0) {
    throw new HpcbinderError('E-REPO-FETCH', { message: `${dir} is not empty`, hint: 'Name another directory.' });
  }
  try {
    if (repo.kind === 'git') await clone(repo, dir, options, limits);
    else await copy(repo.path, dir, options, limits);
    const root = options.subdir === undefined ? dir : await inside(dir, parseSubdir(options.subdir));
    const files = await readRepoFiles(root, {
      limits,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    return { repo: repo.kind === 'git' ? repo : { ...repo, tree: contentHash(files) }, dir: root, files };
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

async function clone(
  repo: ResolvedRepo & { kind: 'git' },
  dir: string,
  options: CheckoutOptions,
  limits: Limits,
): Promise<void> {
  const access = {
    ...options,
    cwd: dir,
    url: repo.url,
    ...(repo.credentials === undefined ? {} : { credentials: repo.credentials }),
  };
  await fetchCommit(repo, dir, access, limits);
  await checkSize(repo.commit, access, limits);
  const result = await git(['checkout', '--quiet', '--detach', repo.commit], { ...access, timeoutMs: limits.fetchMs });
  if (result.code !== 0) {
    throw new HpcbinderError('E-REPO-FETCH', {
      message: `${repo.url}: commit ${repo.commit.slice(0, 12)} cannot be checked out`,
      evidence: result.stderr.split('\n').slice(0, 3),
      hint: 'The repository may be damaged, or have names that this machine cannot hold.',
    });
  }
  await addSubmodules(dir, access, limits);
}

/** Before anything is unpacked: a small pack can hold very much. */
async function checkSize(commit: string, access: GitAccess & { cwd: string }, limits: Limits): Promise<void> {
  const listing = await git(['ls-tree', '-r', '-l', '-z', commit], access);
  const sizes = listing.stdout.split('\0').map((line) => Number(/^\d{6} blob [0-9a-f]+ +(\d+)\t/.exec(line)?.[1] ?? 0));
  if (listing.truncated || sizes.length > limits.files || sizes.reduce((sum, size) => sum + size, 0) > limits.bytes) {
    throw overFiles(limits);
  }
}

async function copy(from: string, dir: string, options: CheckoutOptions, limits: Limits): Promise<void> {
  const files = await readRepoFiles(from, {
    limits,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  await copyLocal(from, dir, files, options.signal);
  if (!(await shallowGit(from, dir, options))) await rm(join(dir, '.git'), { recursive: true, force: true });
}

/** Part by part, and no link on the way: what lies behind one is not of the repository (GIT-15). */
async function inside(dir: string, subdir: string): Promise<string> {
  let at = dir;
  for (const part of subdir.split('/')) {
    at = join(at, part);
    const stat = await lstat(at).catch(() => undefined);
    if (!stat?.isDirectory()) {
      throw new HpcbinderError('E-REPO-SYNTAX', {
        message: `the repository has no directory ${subdir}`,
        hint: 'Name a real directory of the repository with --subdir.',
      });
    }
  }
  return at;
}
