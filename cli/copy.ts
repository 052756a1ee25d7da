/** Files and directories between this machine and a session: whole under their names, or not there. */
import { randomBytes } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { chmod, mkdtemp, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { HpcbinderError } from '../core/errors.ts';
import { getPath, putPath } from '../sessions/frames.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { metered } from './meter.ts';
import { plain } from './terminal.ts';
import type { toAgent } from './world.ts';

/** What sessions/frames.ts wants first: the way, the session, its secrets. */
export type Door = readonly [
  connect: ReturnType<typeof toAgent>,
  session: string,
  secrets: Pick<SessionRecord['secrets'], 'ca' | 'clientCert' | 'clientKey'>,
];

export async function download(door: Door, path: string, to: string): Promise<number> {
  const target = await landing(to, basename(path) || 'repository');
  const remote = await getPath(...door, path === '' ? '.' : path);
  const name = basename(target);
  if (remote.kind === 'file') {
    await whole(target, remote.mode, metered(name, remote.stream, remote.size));
  } else {
    await absent(target);
    const { unpack } = await import('./unpack.ts');
    // beside its place: a rename does not cross file systems
    const beside = await local(target, () => mkdtemp(join(dirname(target), '.hb-')));
    try {
      const left = await local(target, () => unpack(metered(name, remote.stream, undefined), beside));
      await local(target, async () => {
        await chmod(beside, 0o777 & ~process.umask());
        await rename(beside, target);
      });
      for (const line of left.slice(0, 10)) process.stderr.write(plain(`left out: ${line}\n`));
      if (left.length > 10) process.stderr.write(`left out: ${left.length - 10} more\n`);
    } finally {
      await rm(beside, { recursive: true, force: true });
    }
  }
  return 0;
}

export async function upload(door: Door, from: string, path: string): Promise<number> {
  const source = resolve(from);
  const name = basename(source);
  const found = await local(from, () => stat(source));
  const to = path === '' || path.endsWith('/') ? `${path}${name}` : path;
  if (found.isFile()) {
    const data = metered(name, createReadStream(source), found.size);
    await putPath(...door, { path: to, kind: 'file', mode: found.mode & 0o777, name }, data);
    return 0;
  }
  if (!found.isDirectory()) throw fault(`${from} is neither a file nor a directory`);
  const { pack } = await import('./pack.ts');
  await putPath(...door, { path: to, kind: 'directory', mode: 0o755 }, metered(name, pack(source), undefined));
  return 0;
}

/** As cp(1): into a directory that is there, else under the name itself. */
async function landing(to: string, name: string): Promise<string> {
  const found = await existing(to);
  if (found?.isDirectory()) return resolve(to, name);
  if (to.endsWith('/')) throw fault(`there is no directory ${to}`);
  return resolve(to);
}

async function absent(target: string): Promise<void> {
  if ((await existing(target)) !== undefined)
    throw fault(
      `${target} is there already`,
      'A directory is copied to a new name, or into a directory that has none of it.',
    );
}

async function existing(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fault(reason(path, error));
  }
}

/** Beside its name, then renamed. */
async function whole(target: string, mode: number, data: AsyncIterable<Uint8Array>): Promise<void> {
  const beside = join(dirname(target), `.hb-${randomBytes(8).toString('hex')}`);
  const file = await local(target, () => open(beside, 'wx', 0o600));
  try {
    try {
      for await (const chunk of data) await local(target, () => file.writeFile(chunk));
      await file.chmod(mode & ~process.umask());
    } finally {
      await file.close();
    }
    await local(target, () => rename(beside, target));
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

async function local<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof HpcbinderError ? error : fault(reason(path, error));
  }
}

function reason(path: string, error: unknown): string {
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EISDIR: 'is a directory',
    EEXIST: 'a file is in the way',
    ENOTDIR: 'a part of the path is no directory',
    ENOSPC: 'no space left on this machine',
    EROFS: 'read-only file system',
  };
  const { code, message } = error as NodeJS.ErrnoException;
  return `${path}: ${words[code ?? ''] ?? message}`;
}

function fault(message: string, hint?: string): HpcbinderError {
  return new HpcbinderError('E-USAGE', { message, ...(hint ? { hint } : {}) });
}
