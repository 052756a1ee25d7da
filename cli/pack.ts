/** A directory here as a tar stream for a session, names relative to it: files, directories and links as links. */
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { HpcbinderError } from '../core/errors.ts';
import { TAR_END, tarHeader, tarName, tarPadding } from '../core/tar.ts';
import { harmless } from '../core/text.ts';

const OWNER = { uid: 0, gid: 0 };

export async function* pack(directory: string, prefix = ''): AsyncGenerator<Uint8Array> {
  for (const name of (await readdir(join(directory, prefix))).sort()) {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    const found = await lstat(join(directory, path));
    const entry = {
      ...OWNER,
      name: tarName(path),
      mode: found.mode & 0o777,
      mtime: found.mtimeMs / 1000,
      size: 0,
      link: '',
    };
    if (found.isDirectory()) {
      yield tarHeader({ ...entry, kind: 'directory' });
      yield* pack(directory, path);
    } else if (found.isSymbolicLink()) {
      yield tarHeader({ ...entry, kind: 'symlink', link: tarName(await readlink(join(directory, path))) });
    } else if (found.isFile()) yield* file(join(directory, path), { ...entry, size: found.size });
  }
  if (prefix === '') yield TAR_END;
}

async function* file(path: string, entry: Omit<Parameters<typeof tarHeader>[0], 'kind'>): AsyncGenerator<Uint8Array> {
  yield tarHeader({ ...entry, kind: 'file' });
  let left = entry.size;
  if (left > 0) {
    for await (const chunk of createReadStream(path, { end: left - 1 })) {
      yield chunk as Buffer;
      left -= (chunk as Buffer).length;
    }
  }
  if (left > 0) {
    throw new HpcbinderError('E-USAGE', {
      message: `${harmless(path)} became shorter while it was read`,
      hint: 'Copy it again when nothing writes to it.',
    });
  }
  yield tarPadding(entry.size);
}
