/** A directory as a buildpack sees it: one listing with hashes, taken once; reads never follow a link (GIT-14). */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { RepoFile, RepoFiles } from '../core/artifacts.ts';
import { sha256 } from '../core/canonical.ts';
import { HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';
import { cancelled } from './git.ts';
import { DEFAULT_LIMITS, type Limits, overFiles } from './limits.ts';

const MOST_READ = 1 << 20;

/**
 * Every entry below `dir` but `.git`, sorted by path. E-REPO-FILE for a name that is no UTF-8 and for a read of more than 1 MiB,
 * E-REPO-FETCH over a limit.
 */
export async function readRepoFiles(
  dir: string,
  how: { limits?: Limits; signal?: AbortSignal } = {},
): Promise<RepoFiles> {
  const files: RepoFile[] = [];
  for await (const file of walk(dir, '', how.limits ?? DEFAULT_LIMITS, how.signal)) files.push(file);
  files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return repoFiles(dir, files);
}

function repoFiles(dir: string, files: readonly RepoFile[]): RepoFiles {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const bytes = (path: string) => {
    const file = byPath.get(path);
    return file?.kind === 'file' ? readUnchanged(join(dir, path), file) : undefined;
  };
  return {
    list: () => files,
    get: (path) => byPath.get(path),
    bytes,
    text: (path) => {
      const content = bytes(path);
      return content === undefined ? undefined : new TextDecoder('utf-8', { ignoreBOM: true }).decode(content);
    },
  };
}

async function* walk(
  root: string,
  below: string,
  limits: Limits,
  signal: AbortSignal | undefined,
  count = { files: 0, bytes: 0 },
): AsyncGenerator<RepoFile> {
  for (const raw of await readdir(join(root, below), { encoding: 'buffer' })) {
    if (signal?.aborted) throw cancelled(signal);
    const name = utf8(raw, below);
    if (name === '.git') continue;
    const path = below === '' ? name : `${below}/${name}`;
    const file = await describe(join(root, path), path);
    count.files += 1;
    count.bytes += file.kind === 'file' ? file.size : 0;
    if (count.files > limits.files || count.bytes > limits.bytes) throw overFiles(limits);
    yield file;
    if (file.kind === 'directory') yield* walk(root, path, limits, signal, count);
  }
}

async function describe(full: string, path: string): Promise<RepoFile> {
  const stat = await lstat(full);
  if (stat.isSymbolicLink()) {
    const target = await readlink(full);
    return { path, kind: 'symlink', mode: 0o777, size: target.length, sha256: sha256(target), target };
  }
  if (stat.isDirectory()) return { path, kind: 'directory', mode: 0o755, size: 0, sha256: sha256('') };
  if (!stat.isFile()) return { path, kind: 'other', mode: 0, size: 0, sha256: sha256('') };
  const mode = (stat.mode & 0o100) === 0 ? 0o644 : 0o755;
  return { path, kind: 'file', mode, size: stat.size, sha256: await hashOf(full) };
}

async function hashOf(full: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW);
  for await (const part of handle.createReadStream({ highWaterMark: 1 << 20 })) hash.update(part as Uint8Array);
  return hash.digest('hex');
}

/** What is read is what was hashed: the key names it. */
function readUnchanged(full: string, file: RepoFile): Uint8Array {
  if (file.size > MOST_READ) throw changed(file.path, 'is larger than 1 MiB, too much for a configuration file');
  const fd = openSync(full, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const content = fstatSync(fd).size > MOST_READ ? undefined : readFileSync(fd);
    if (content === undefined || sha256(content) !== file.sha256)
      throw changed(file.path, 'was changed during the launch');
    return content;
  } finally {
    closeSync(fd);
  }
}

function changed(path: string, what: string): HpcbinderError {
  return new HpcbinderError('E-REPO-FILE', {
    message: `${harmless(path)} ${what}`,
    hint: 'Correct it and launch again.',
  });
}

function utf8(raw: Buffer, below: string): string {
  const name = raw.toString('utf8');
  if (Buffer.from(name).equals(raw)) return name;
  throw new HpcbinderError('E-REPO-FILE', {
    message: `a file name in "${harmless(below === '' ? '.' : below)}" is no UTF-8: ${harmless(raw.toString('latin1'))}`,
    hint: 'Rename it: neither the build nor the cluster could tell what it is called.',
  });
}
