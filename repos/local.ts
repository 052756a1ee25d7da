/** A directory of this machine: its content is its name; git is asked only what to show. Works without git. */
import { chmod, copyFile, lstat, mkdir, realpath, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { RepoFile, RepoFiles, ResolvedRepo } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';
import { treeHash } from '../core/tree.ts';
import { cancelled, type GitAccess, git } from './git.ts';
import type { Limits } from './limits.ts';
import { readRepoFiles } from './listing.ts';

export type LocalRepo = ResolvedRepo & { kind: 'local' };

export async function resolveLocal(typed: string, access: GitAccess & { limits?: Limits } = {}): Promise<LocalRepo> {
  const path = await directory(
    typed === '~' || typed.startsWith('~/') ? join(homedir(), typed.slice(1)) : resolve(typed),
  );
  const files = await readRepoFiles(path, access);
  return { kind: 'local', path, tree: contentHash(files), ...(await state(path, files, access)) };
}

export function contentHash(files: RepoFiles): string {
  return treeHash(files.list().filter((file) => file.kind !== 'other'));
}

/** A private copy: what is built cannot change under the build. Links stay links; sockets and devices are left out. */
export async function copyLocal(from: string, to: string, files: RepoFiles, signal?: AbortSignal): Promise<void> {
  for (const file of files.list()) {
    if (signal?.aborted) throw cancelled(signal);
    await copyOne(file, join(from, file.path), join(to, file.path));
  }
}

async function copyOne(file: RepoFile, from: string, to: string): Promise<void> {
  if (file.kind === 'directory') await mkdir(to, { mode: 0o755 });
  else if (file.kind === 'symlink') await symlink(file.target ?? '', to);
  else if (file.kind === 'file') {
    await copyFile(from, to);
    await chmod(to, file.mode);
  }
}

/**
 * The last commit, without history, hooks and settings of the original: what setuptools-scm and a terminal in the session need
 * and no more. Nothing where git or a commit is missing, or where the directory is not this user's (git refuses it, GIT-05).
 */
export async function shallowGit(from: string, to: string, access: GitAccess): Promise<boolean> {
  const stat = await lstat(join(from, '.git')).catch(() => undefined);
  if (!stat?.isDirectory()) return false;
  const how = { ...access, only: 'file', cwd: to } as const;
  const steps = [
    ['init', '--quiet', '--template='],
    ['fetch', '--quiet', '--depth=1', '--no-tags', '--end-of-options', `file://${from}`, 'HEAD'],
    ['update-ref', '--no-deref', 'HEAD', 'FETCH_HEAD'],
    ['reset', '--quiet', '--mixed', 'HEAD'],
  ];
  try {
    for (const step of steps) if ((await git(step, how)).code !== 0) return false;
    return true;
  } catch (error) {
    if (error instanceof HpcbinderError && error.code === 'E-CANCELLED') throw error;
    return false;
  }
}

/** The first directory on the way up that is there. */
async function nearestAbove(path: string): Promise<string> {
  const above = dirname(path);
  return above === path || (await lstat(above).catch(() => undefined)) ? above : nearestAbove(above);
}

async function directory(path: string): Promise<string> {
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined && (await lstat(real)).isDirectory()) return real;
  throw new HpcbinderError('E-REPO-MISSING', {
    message: `there is no directory ${harmless(path)}`,
    hint: 'Give the path of a directory, or a repository: https://host/org/repo, org/repo (on GitHub).',
    next: ['ls', await nearestAbove(path)],
  });
}

/** Never `git status`: it would run what the directory's own .git/config names (fsmonitor, filters). */
async function state(path: string, files: RepoFiles, access: GitAccess): Promise<{ commit?: string; dirty?: boolean }> {
  const stat = await lstat(join(path, '.git')).catch(() => undefined);
  if (!stat?.isDirectory()) return {};
  const how = { ...access, only: 'none', cwd: path } as const;
  try {
    const head = await git(['rev-parse', '--verify', '--quiet', 'HEAD'], how);
    if (head.code !== 0) return {};
    const tree = await git(['ls-tree', '-r', '-l', '-z', 'HEAD'], how);
    return { commit: head.stdout.trim(), dirty: tree.code !== 0 || differs(tree.stdout, files) };
  } catch (error) {
    if (error instanceof HpcbinderError && error.code === 'E-CANCELLED') throw error;
    return {};
  }
}

/** By names, kinds and sizes: for display, where a hash over all would be a second reading. */
function differs(tree: string, files: RepoFiles): boolean {
  const entries = tree.split('\0').flatMap((line) => {
    const [, mode, size, path] = /^([0-9]{6}) \w+ [0-9a-f]+ +([0-9]+|-)\t(.*)$/s.exec(line) ?? [];
    return mode === undefined || path === undefined ? [] : [{ mode, size: Number(size), path }];
  });
  const tracked = new Set(entries.map((entry) => entry.path));
  const changed = entries.some(({ mode, size, path }) => {
    const file = files.get(path);
    if (mode === '160000') return false;
    return file === undefined || file.size !== size || (mode === '120000') !== (file.kind === 'symlink');
  });
  return changed || files.list().some((file) => file.kind === 'file' && !tracked.has(file.path));
}
