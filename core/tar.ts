/**
 * Tar, written: the build context and the root file system are streams of these. GNU form (magic `ustar  `), because
 * every reader we feed takes it and its long names are plain bytes; pax would insist on UTF-8, which file names are not.
 * https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */

export type TarKind = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

export type TarEntry = {
  /** bytes as latin1 characters, without `/` at either end */
  name: string;
  kind: TarKind;
  /** permission bits, setuid, setgid and sticky included */
  mode: number;
  uid: number;
  gid: number;
  /** bytes of the body; 0 for all but files */
  size: number;
  /** epoch seconds */
  mtime: number;
  /** of links: the target, bytes as latin1 characters */
  link: string;
};

export const TAR_BLOCK = 512;
export const TAR_END: Uint8Array = new Uint8Array(2 * TAR_BLOCK);
export const TAR_FLAGS: ReadonlyMap<string, TarKind> = new Map([
  ['0', 'file'],
  ['\0', 'file'],
  ['7', 'file'],
  ['1', 'hardlink'],
  ['2', 'symlink'],
  ['3', 'character'],
  ['4', 'block'],
  ['5', 'directory'],
  ['6', 'fifo'],
]);
const FLAG_OF: Readonly<Record<TarKind, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** A name as UTF-8 in the byte form that `TarEntry` wants. */
export function tarName(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The header blocks of one entry, with GNU long-name blocks in front where they are needed. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const name = entry.kind === 'directory' ? `${entry.name}/` : entry.name;
  const parts: Uint8Array[] = [];
  if (entry.link.length > 100) parts.push(...longBlocks('K', entry.link));
  if (name.length > 100) parts.push(...longBlocks('L', name));
  parts.push(block(name, FLAG_OF[entry.kind], entry));
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}

/** Zeros up to the next block. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK);
}

/** A small entry with its body, whole. */
export function tarFile(name: string, mode: number, body: Uint8Array | string, mtime: number): Uint8Array {
  const data = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  const header = tarHeader({ name, kind: 'file', mode, uid: 0, gid: 0, size: data.length, mtime, link: '' });
  return Buffer.concat([header, data, tarPadding(data.length)]);
}

function longBlocks(flag: 'K' | 'L', text: string): Uint8Array[] {
  const body = Buffer.from(`${text}\0`, 'latin1');
  const meta = { mode: 0, uid: 0, gid: 0, size: body.length, mtime: 0, link: '' };
  return [block('././@LongLink', flag, meta), body, tarPadding(body.length)];
}

function block(name: string, flag: string, meta: Omit<TarEntry, 'name' | 'kind'>): Uint8Array {
  const header = Buffer.alloc(TAR_BLOCK);
  header.write(name.slice(0, 100), 0, 'latin1');
  number(header, 100, 8, meta.mode);
  number(header, 108, 8, meta.uid);
  number(header, 116, 8, meta.gid);
  number(header, 124, 12, meta.size);
  number(header, 136, 12, Math.max(0, Math.floor(meta.mtime)));
  header.write(flag, 156, 'latin1');
  header.write(meta.link.slice(0, 100), 157, 'latin1');
  header.write('ustar  \0', 257, 'latin1');
  header.fill(0x20, 148, 156);
  let sum = 0;
  // by index: an iterator over each header of an image of 300,000 entries takes seconds
  for (let at = 0; at < TAR_BLOCK; at++) sum += header[at] ?? 0;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** Octal where it fits, else GNU's base 256 (files of 8 GiB and more, large uids). */
function number(header: Buffer, at: number, width: number, value: number): void {
  const octal = value.toString(8);
  if (octal.length < width) {
    header.write(octal.padStart(width - 1, '0'), at, 'latin1');
    return;
  }
  header.writeUIntBE(value, at + width - 6, 6);
  header[at] = 0x80;
}
