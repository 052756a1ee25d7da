/** Hand-made tars, entry by entry, and what a filter left of one: as the real `tar` lists it. */

import { readTar } from '../../converters/tar-read.ts';
import { TAR_END, type TarEntry, tarHeader, tarPadding } from '../../core/tar.ts';

export type Given = Partial<Omit<TarEntry, 'name'>> & { name: string; body?: string };

export function tarOf(...entries: Given[]): Buffer {
  const parts = entries.flatMap(({ body, ...entry }) => {
    const data = Buffer.from(body ?? '', 'latin1');
    const header: TarEntry = {
      kind: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 7,
      link: '',
      ...entry,
      size: data.length,
    };
    return [tarHeader(header), data, tarPadding(data.length)];
  });
  return Buffer.concat([...parts, TAR_END]);
}

/** In chunks of a size that divides nothing. */
export async function* chunks(data: Buffer, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

export async function entriesOf(data: Buffer): Promise<(TarEntry & { body: string })[]> {
  const found: (TarEntry & { body: string })[] = [];
  for await (const item of readTar(chunks(data))) {
    const last = found.at(-1);
    if (!(item instanceof Uint8Array)) found.push({ ...item, body: '' });
    else if (last) last.body += Buffer.from(item).toString('latin1');
  }
  return found;
}
