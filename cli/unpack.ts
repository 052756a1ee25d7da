/**
 * A tar made by others, into an empty directory of ours: no member leaves it, nothing is written through a link (links
 * come last), no devices, no set-id bits.
 */
import { type FileHandle, mkdir, open, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readTar } from '../converters/tar-read.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { TarEntry } from '../core/tar.ts';
import { harmless } from '../core/text.ts';
import { memberPath, staysInside, throughNone } from './places.ts';

/** @returns what was left out and why, a line each. */
export async function unpack(data: AsyncIterable<Uint8Array>, into: string): Promise<string[]> {
  const left: string[] = [];
  const links: { path: string; target: string }[] = [];
  let file: FileHandle | undefined;
  try {
    for await (const item of readTar(data)) {
      if (item instanceof Uint8Array) {
        await file?.writeFile(item);
        continue;
      }
      await file?.close();
      file = undefined;
      const name = utf8(item.name);
      const path = memberPath(name);
      if (path === undefined) throw refused(name);
      if (item.kind === 'directory') await mkdir(join(into, path), { recursive: true });
      else if (item.kind === 'file') file = await created(join(into, path), item);
      else if (item.kind === 'symlink' && staysInside(path, utf8(item.link)))
        links.push({ path, target: utf8(item.link) });
      else left.push(`${harmless(name)} (${item.kind}${item.link === '' ? '' : ` to ${harmless(utf8(item.link))}`})`);
    }
  } catch (error) {
    throw error instanceof HpcbinderError && error.code === 'E-CONVERT' ? damaged(error) : error;
  } finally {
    await file?.close();
  }
  const { kept, through } = throughNone(links);
  left.push(...through.map(({ path }) => `${harmless(path)} (a link inside a link)`));
  for (const { path, target } of kept) {
    await mkdir(dirname(join(into, path)), { recursive: true });
    await symlink(target, join(into, path));
  }
  return left;
}

async function created(path: string, { mode }: TarEntry): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true });
  return open(path, 'wx', mode & 0o777);
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function refused(name: string): HpcbinderError {
  return new HpcbinderError('E-WORK', {
    message: `the session's archive names "${harmless(name)}", which is no path inside the directory; nothing was copied`,
    hint: 'Code in the session did this, not hpcbinder.',
  });
}

function damaged(cause: HpcbinderError): HpcbinderError {
  return new HpcbinderError('E-WORK', {
    message: 'the archive that the session sent is damaged or was cut; nothing was copied',
    hint: 'Try again; hpcbinder logs shows what the session says.',
    cause,
  });
}
