/** The last step of every conversion: the file is what it says, is measured, and gets its name. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import type { Platform, SifFile } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import { readSif, SIF_READ_BYTES } from './sif.ts';

/** E-CONVERT where another tool left no SIF of that platform; else `partial` becomes `path`. */
export async function finished(
  partial: string,
  path: string,
  how: { platform: Platform; by: string; signal?: AbortSignal },
): Promise<SifFile> {
  const found = await platformOf(partial).catch((cause: unknown) => {
    const why = cause instanceof HpcbinderError ? cause.message : 'it left no file';
    throw new HpcbinderError('E-CONVERT', { message: `${how.by} made no usable image file: ${why}`, cause });
  });
  if (found !== how.platform)
    throw new HpcbinderError('E-CONVERT', { message: `${how.by} made an image for ${found}, not ${how.platform}` });
  const sif = { path, ...(await measure(partial, how.signal)) };
  await rename(partial, path);
  return sif;
}

async function platformOf(path: string): Promise<Platform> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const front = Buffer.alloc(Math.min(SIF_READ_BYTES, size));
    await file.read(front, 0, front.length, 0);
    return readSif(front, size).platform;
  } finally {
    await file.close();
  }
}

async function measure(path: string, signal?: AbortSignal): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
