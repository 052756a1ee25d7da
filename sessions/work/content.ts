/** A checkout as two archives: its files, the same bytes for the same commit; and its history, without anything that runs. */
import { constants } from 'node:fs';
import { lstat, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Header, type Pack, pack } from 'tar-stream';
import type { Checkout, RepoFile } from '../../core/artifacts.ts';
import { HpcbinderError } from '../../core/errors.ts';

/** Owner and clock say nothing of the content. */
const ALWAYS = { mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' };
/** Top-level names that never travel: the history has an archive of its own, the other is the cluster's. */
const APART = new Set(['.git', '.hpcbinder']);

/** gzip'd tar of the files, sorted; links as links, empty directories kept, sockets and devices left out. */
export function packContent(checkout: Checkout, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  return archive(async (tar) => {
    for (const file of entries(checkout.files.list())) {
      if (file.kind === 'directory') await add(tar, { name: file.path, type: 'directory', mode: 0o755 });
      else if (file.kind === 'symlink') {
        await add(tar, { name: file.path, type: 'symlink', mode: 0o777, linkname: file.target ?? '' });
      } else await addFile(tar, join(checkout.dir, file.path), file.path, file.mode & 0o111 ? 0o755 : 0o644);
    }
  }, signal);
}

function entries(files: readonly RepoFile[]): RepoFile[] {
  const kept = files.filter((file) => file.kind !== 'other' && !APART.has(topOf(file.path)));
  const parents = new Set(kept.map((file) => file.path.slice(0, Math.max(0, file.path.lastIndexOf('/')))));
  return kept
    .filter((file) => file.kind !== 'directory' || !parents.has(file.path))
    .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

function topOf(path: string): string {
  return (path.split('/', 1)[0] ?? '').toLowerCase();
}

const LOOSE = /^[0-9a-f]{38,62}$/;
const FAN = /^[0-9a-f]{2}$/;
const PACK = /^pack-[0-9a-f]{40,64}\.(pack|idx|rev)$/;

/**
 * gzip'd tar of a `.git` that knows one commit: its objects, index, where history was cut, and a config of ours. No
 * hooks, no filters, no credentials. Undefined where the checkout has no history of its own.
 */
export async function packGit(
  checkout: Checkout,
  signal?: AbortSignal,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const commit = await commitIn(checkout.dir);
  if (commit === undefined) return undefined;
  const git = join(checkout.dir, '.git');
  const objects = await objectFiles(git);
  const url = checkout.repo.kind === 'git' ? checkout.repo.url : undefined;
  return archive(async (tar) => {
    await add(tar, { name: 'HEAD', mode: 0o644 }, `${commit}\n`);
    await add(tar, { name: 'config', mode: 0o644 }, gitConfig(commit.length === 64, url));
    for (const name of ['index', 'shallow']) {
      if (await exists(join(git, name))) await addFile(tar, join(git, name), name, 0o644);
    }
    for (const name of objects) await addFile(tar, join(git, name), name, 0o644);
    await add(tar, { name: `refs/hpcbinder/${commit.slice(0, 7)}`, mode: 0o644 }, `${commit}\n`);
  }, signal);
}

/** The commit of a checkout's own `.git`; undefined where there is none, as below a `--subdir`. */
export async function commitIn(dir: string): Promise<string | undefined> {
  const git = join(dir, '.git');
  if (!(await isDirectory(git)) || (await exists(join(git, 'objects', 'info', 'alternates')))) return undefined;
  const head = await readFile(join(git, 'HEAD'), 'utf8').catch(() => '');
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.exec(head.trim())?.[0];
}

async function objectFiles(git: string): Promise<string[]> {
  const found: string[] = [];
  for (const fan of await readdir(join(git, 'objects'))) {
    const wanted = fan === 'pack' ? PACK : FAN.test(fan) ? LOOSE : undefined;
    if (wanted === undefined) continue;
    const names = await readdir(join(git, 'objects', fan));
    found.push(...names.filter((name) => wanted.test(name)).map((name) => `objects/${fan}/${name}`));
  }
  // an index without its pack is an error to git, a pack without its index is not yet seen
  return found.sort((a, b) => Number(a.endsWith('.idx')) - Number(b.endsWith('.idx')) || (a < b ? -1 : 1));
}

/** git-config(1): a value in quotes, with `\` and `"` escaped; a URL has no line break. */
function gitConfig(sha256Objects: boolean, url: string | undefined): string {
  const format = sha256Objects ? '1\n[extensions]\n\tobjectFormat = sha256\n[core]' : '0';
  const core = `[core]\n\trepositoryformatversion = ${format}\n\tbare = false\n\tfilemode = true\n\tlogallrefupdates = true\n`;
  if (url === undefined) return core;
  const quoted = withoutCredentials(url)
    .replace(/[\r\n\0]/g, '')
    .replace(/[\\"]/g, '\\$&');
  return `${core}[remote "origin"]\n\turl = "${quoted}"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n`;
}

/** ssh needs its user name; no other scheme keeps what stands before the @. */
function withoutCredentials(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)([^/@]*)@/i, (_, scheme: string, user: string) =>
    scheme.toLowerCase() === 'ssh://' ? `${scheme}${user.split(':', 1)[0]}@` : scheme,
  );
}

function archive(fill: (tar: Pack) => Promise<void>, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  const tar = pack();
  const gzip = createGzip();
  tar.on('error', (error) => gzip.destroy(error));
  tar.pipe(gzip);
  signal?.addEventListener('abort', () => tar.destroy(new Error('interrupted')), { once: true });
  fill(tar).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return gzip;
}

function add(tar: Pack, header: Partial<Header> & { name: string }, text?: string): Promise<void> {
  return new Promise((done, fail) => {
    const ended = (error?: Error | null) => (error ? fail(error) : done());
    if (text === undefined) tar.entry({ ...ALWAYS, ...header }, ended);
    else tar.entry({ ...ALWAYS, ...header }, text, ended);
  });
}

/** Opened without following a link; its size may not change while it is read. */
async function addFile(tar: Pack, from: string, name: string, mode: number): Promise<void> {
  try {
    const file = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const info = await file.stat();
      if (!info.isFile()) throw new Error('no regular file');
      const entry = tar.entry({ ...ALWAYS, name, mode, size: info.size });
      await pipeline(file.createReadStream({ autoClose: false, end: Math.max(0, info.size - 1) }), entry);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new HpcbinderError('E-REPO-FILE', {
      message: `${name} could not be read while the repository was packed: ${cause instanceof Error ? cause.message : cause}`,
      hint: 'If something is changing the directory, wait for it and launch again.',
      cause,
    });
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return await lstat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
