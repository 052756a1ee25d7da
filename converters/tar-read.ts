/**
 * Tar, read as a stream: one entry, then the chunks of its body, then the next entry. Everything that a header can
 * claim is bounded (SECURITY TAR-07), and nothing is ever written to a disk by its name.
 */
import { HpcbinderError } from '../core/errors.ts';
import { TAR_BLOCK, TAR_FLAGS, type TarEntry } from '../core/tar.ts';
import { harmless } from '../core/text.ts';

/** of a pax or GNU long-name body: real ones hold names and a few attributes */
const MAX_META_BYTES = 1 << 20;
/** PATH_MAX of Linux: a longer name could not have been a file */
const MAX_NAME_BYTES = 4096;

type Overrides = { name?: string; link?: string; size?: number; uid?: number; gid?: number; mtime?: number };

export function refuse(what: string, name?: string): HpcbinderError {
  const entry = name === undefined ? '' : `: ${harmless(name).slice(0, 200)}`;
  return new HpcbinderError('E-CONVERT', {
    message: `the image's file system is not fit to be converted, ${what}${entry}`,
    hint: 'No image that an engine made from a repository looks like this. The image is refused as a whole.',
  });
}

/** An entry comes first, then its body in chunks (which are views: use them before asking for the next). */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry | Uint8Array> {
  const input = new Blocks(source);
  try {
    yield* entries(input);
  } finally {
    await input.close();
  }
}

async function* entries(input: Blocks): AsyncGenerator<TarEntry | Uint8Array> {
  let next: Overrides = {};
  for (;;) {
    const header = await input.take(TAR_BLOCK);
    if (header === undefined) throw refuse('it ends in the middle');
    if (header.every((byte) => byte === 0)) {
      await input.drain();
      return;
    }
    checkSum(header);
    const flag = String.fromCharCode(header[156] ?? 0);
    const size = next.size ?? number(header, 124, 12);
    if ('xgLK'.includes(flag)) {
      const length = number(header, 124, 12);
      if (length > MAX_META_BYTES) throw refuse(`a name or attribute is longer than ${MAX_META_BYTES} bytes`);
      const body = await input.take(length + padding(length));
      if (body === undefined) throw refuse('it ends in the middle');
      if (flag !== 'g') next = { ...next, ...metadata(flag, body.subarray(0, length)) };
      continue;
    }
    const entry = entryOf(header, flag, size, next);
    next = {};
    yield entry;
    for await (const chunk of input.through(entry.size)) yield chunk;
    if ((await input.take(padding(entry.size))) === undefined) throw refuse('it ends in the middle', entry.name);
  }
}

function entryOf(header: Buffer, flag: string, size: number, over: Overrides): TarEntry {
  const ustar = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = ustar ? text(header, 345, 155) : '';
  const short = text(header, 0, 100);
  const name = over.name ?? (prefix === '' ? short : `${prefix}/${short}`);
  const link = over.link ?? text(header, 157, 100);
  const kind = TAR_FLAGS.get(flag);
  if (kind === undefined) throw refuse(`an entry is of the unknown kind "${harmless(flag)}"`, name);
  if (name.length > MAX_NAME_BYTES || link.length > MAX_NAME_BYTES) throw refuse('a name is too long', name);
  if (name.includes('\0') || link.includes('\0')) throw refuse('a name holds a NUL byte', name);
  const isDirectory = kind === 'directory' || (kind === 'file' && name.endsWith('/'));
  return {
    name: isDirectory ? name.replace(/(?<=[^/])\/+$/, '') : name,
    kind: isDirectory ? 'directory' : kind,
    mode: number(header, 100, 8) & 0o7777,
    uid: over.uid ?? number(header, 108, 8),
    gid: over.gid ?? number(header, 116, 8),
    size: kind === 'file' ? size : 0,
    mtime: over.mtime ?? number(header, 136, 12),
    link,
  };
}

function metadata(flag: string, body: Buffer): Overrides {
  if (flag === 'L') return { name: text(body, 0, body.length) };
  if (flag === 'K') return { link: text(body, 0, body.length) };
  const found: Overrides = {};
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(body.toString('latin1', at, space));
    const equals = body.indexOf(0x3d, space);
    const end = at + length;
    if (!Number.isSafeInteger(length) || equals < 0 || equals > end || end > body.length || end <= space) {
      throw refuse('a pax header is malformed');
    }
    const value = body.toString('latin1', equals + 1, end - 1);
    const key = body.toString('latin1', space + 1, equals);
    if (key === 'path') found.name = value;
    else if (key === 'linkpath') found.link = value;
    else if (key === 'size') found.size = decimal(value);
    else if (key === 'uid') found.uid = decimal(value);
    else if (key === 'gid') found.gid = decimal(value);
    else if (key === 'mtime') found.mtime = Math.max(0, Math.floor(Number.parseFloat(value) || 0));
    else if (key.startsWith('GNU.sparse.')) throw refuse('it holds a sparse file');
    at = end;
  }
  return found;
}

function decimal(value: string): number {
  const parsed = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(parsed)) throw refuse('a pax header holds a bad number');
  return parsed;
}

/** A numeric field: octal text, or GNU's base 256 with the top bit set. Negative times become 0. */
function number(header: Buffer, at: number, width: number): number {
  const first = header[at] ?? 0;
  if (first === 0xff) return 0;
  if ((first & 0x80) !== 0) {
    let value = first & 0x7f;
    for (let i = at + 1; i < at + width; i++) value = value * 256 + (header[i] ?? 0);
    if (!Number.isSafeInteger(value)) throw refuse('a number is too large');
    return value;
  }
  const digits = text(header, at, width).trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw refuse('a number is malformed');
  return Number.parseInt(digits, 8);
}

function text(bytes: Buffer, at: number, width: number): string {
  const end = bytes.indexOf(0, at);
  return bytes.toString('latin1', at, end < 0 || end > at + width ? at + width : end);
}

function checkSum(header: Buffer): void {
  let sum = 8 * 0x20;
  for (let i = 0; i < TAR_BLOCK; i++) if (i < 148 || i >= 156) sum += header[i] ?? 0;
  if (number(header, 148, 8) !== sum) throw refuse('a header is damaged');
}

function padding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}

/** Pulls exact amounts out of a stream of chunks of any size. */
class Blocks {
  #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);
  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }
  async #more(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done) return false;
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    return true;
  }
  /** undefined: the stream ended before */
  async take(length: number): Promise<Buffer | undefined> {
    while (this.#rest.length < length) if (!(await this.#more())) return undefined;
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }
  async *through(length: number): AsyncGenerator<Uint8Array> {
    let left = length;
    while (left > 0) {
      if (this.#rest.length === 0 && !(await this.#more())) throw refuse('it ends in the middle');
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }
  /** the source learns that nobody reads on: an engine's container is removed by it */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
  /** what follows the end mark is padding; read so that the sender can end */
  async drain(): Promise<void> {
    for (;;) {
      this.#rest = Buffer.alloc(0);
      if (!(await this.#more())) return;
    }
  }
}
