/** Getting one commit into an empty repository, and watching how much comes. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResolvedRepo } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import { size } from '../core/units.ts';
import { type GitAccess, type GitResult, git } from './git.ts';
import type { Limits } from './limits.ts';
import { listed, refusal } from './refusal.ts';

type Access = GitAccess & { cwd: string; url: string; on?: OnProgress };

/** The commit and its files are there afterwards, nothing is checked out. */
export async function fetchCommit(
  repo: ResolvedRepo & { kind: 'git' },
  dir: string,
  access: Access,
  limits: Limits,
): Promise<void> {
  const objects = repo.commit.length === 64 ? ['--object-format=sha256'] : [];
  await must(git(['init', '--quiet', '--template=', ...objects], access), repo.url);
  await must(git(['config', 'remote.origin.url', repo.url], access), repo.url);
  const one = await watched(['--depth=1', '--no-tags', '--end-of-options', repo.url, repo.commit], dir, access, limits);
  if (one.code === 0) return;
  if (/not our ref|no such remote ref|couldn't find remote ref/i.test(one.stderr)) throw noCommit(repo);
  // old or dumb servers give out only what their refs name: then everything, and the commit out of it
  if (!/unadvertised object|dumb http|does not support shallow|not a valid object name/i.test(one.stderr)) {
    throw refusal(one, repo.url);
  }
  const refs = ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*'];
  await must(watched(['--no-tags', '--end-of-options', repo.url, ...refs], dir, access, limits), repo.url);
  const has = await git(['cat-file', '-e', `${repo.commit}^{commit}`], access);
  if (has.code !== 0) throw noCommit(repo);
}

/** `git fetch` with progress told and the pack's size held to the limit while it grows. */
async function watched(args: string[], dir: string, access: Access, limits: Limits): Promise<GitResult> {
  const over = new AbortController();
  const signal = access.signal === undefined ? over.signal : AbortSignal.any([over.signal, access.signal]);
  const timer = setInterval(async () => {
    if ((await packBytes(dir)) > limits.bytes) over.abort();
  }, 500);
  try {
    return await git(['fetch', '--progress', '--no-recurse-submodules', ...args], {
      ...access,
      signal,
      timeoutMs: limits.fetchMs,
      onStderr: (text) => tell(text, access.on),
    });
  } catch (error) {
    if (!over.signal.aborted) throw error;
    throw new HpcbinderError('E-REPO-FETCH', {
      message: `${access.url}: more than ${size(limits.bytes)} came, and the fetch was ended`,
      hint: 'Keep data outside of the repository: on the cluster, shown to the session with --bind.',
    });
  } finally {
    clearInterval(timer);
  }
}

async function packBytes(dir: string): Promise<number> {
  const packs = join(dir, '.git', 'objects', 'pack');
  const names = await readdir(packs).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(packs, name)).then(
        (file) => file.size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** git writes `Receiving objects:  45% (450/1000), 12.00 MiB | 3.00 MiB/s`. */
function tell(text: string, on: OnProgress | undefined): void {
  const [, percent] = [...text.matchAll(/Receiving objects:\s+([0-9]+)%/g)].at(-1) ?? [];
  if (percent !== undefined) on?.({ type: 'update', phase: 'repo', done: Number(percent), total: 100 });
}

async function must(running: Promise<GitResult>, url: string): Promise<void> {
  const result = await running;
  if (result.code !== 0) throw refusal(result, url);
}

function noCommit(repo: ResolvedRepo & { kind: 'git' }): HpcbinderError {
  return new HpcbinderError('E-REF-MISSING', {
    message: `${repo.url} has no commit ${repo.commit}`,
    hint: 'Check the id, or name a branch or a tag. A commit that was never pushed is only on its own machine.',
    next: listed(repo.url),
  });
}
