/** OCI image → SIF, streaming: the engine's export, our filter, mksquashfs, a header. No privilege, no second copy. */
import { open, rm } from 'node:fs/promises';
import type { ImageConfig, ImageRef, SifFile } from '../core/artifacts.ts';
import type { Compression } from '../core/config.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { finished } from './finished.ts';
import { convertRootfs, type RootLimits } from './rootfs.ts';
import { labelsJson, runtimeFiles } from './runtime-files.ts';
import { partitionOffset, SIF_TYPE, type SifObject, sifFront } from './sif.ts';
import { hasMksquashfs, type SquashfsHow, squashHere, squashInContainer } from './squashfs.ts';
import { toolsImage } from './tools.ts';

/**
 * 2020-01-01, epoch seconds. mksquashfs brings later times down to the image's creation, and reproducible builds give that
 * as 1970: all of it would be stamped so, and Python would not believe one of its .pyc files.
 */
const EARLIEST = 1577836800;

export type ConvertHow = {
  /** bytes of file content read, of about as many as the engine says the image has */
  on?(progress: { done: number; total: number }): void;
  signal?: AbortSignal;
  /** a Debian image that the engine has: mksquashfs is installed onto it where this machine has none */
  toolsBase?: string;
  /** zstd where nothing is said */
  compression?: Compression;
  /** where mksquashfs runs; by default here, where it is there */
  squash?: 'here' | 'container';
  limits?: RootLimits;
};

/** Writes `<path>.partial`, then renames. Two conversions of one image give the same bytes. E-CONVERT, E-DISK-FULL. */
export async function docker2singularity(
  engine: Engine,
  image: string,
  path: string,
  how: ConvertHow = {},
): Promise<SifFile> {
  const found = await engine.inspect(image);
  if (found === undefined) throw new HpcbinderError('E-CONVERT', { message: `the engine has no image ${image}` });
  const partial = `${path}.partial`;
  try {
    await rm(partial, { force: true });
    await write(engine, found, partial, how);
    const { platform } = found.ref;
    return await finished(partial, path, { platform, by: 'hpcbinder', ...(how.signal ? { signal: how.signal } : {}) });
  } catch (error) {
    await rm(partial, { force: true });
    if (how.signal?.aborted)
      throw new HpcbinderError('E-CANCELLED', { message: 'the conversion was stopped', cause: error });
    throw error;
  }
}

async function write(
  engine: Engine,
  { ref, config }: { ref: ImageRef; config: ImageConfig },
  partial: string,
  how: ConvertHow,
): Promise<void> {
  const created = Math.max(EARLIEST, Math.floor(Date.parse(ref.created) / 1000) || 0);
  const objects = sifObjects(config, ref.id);
  const offset = partitionOffset(objects);
  const root = convertRootfs(await engine.exportRoot(ref.id, how.signal), {
    runtime: runtimeFiles(config),
    created,
    ...(how.limits ? { limits: how.limits } : {}),
    on: (done) => how.on?.({ done, total: Math.max(ref.size, done) }),
  });
  const { compression, signal } = how;
  const more = { ...(compression ? { compression } : {}), ...(signal ? { signal } : {}) };
  const squash: SquashfsHow = { out: partial, offset, created, ...more };
  const here = how.squash === undefined ? await hasMksquashfs() : how.squash === 'here';
  if (here) await squashHere(root, squash);
  else await squashInContainer(engine, await toolsImage(engine, how.toolsBase, how.signal), root, squash);
  const file = await open(partial, 'r+');
  try {
    const { size } = await file.stat();
    const meta = { platform: ref.platform, identity: ref.id, created, objects };
    await file.write(sifFront(meta, size - offset), 0, offset, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What `apptainer inspect` and `sif list` show without mounting. */
export function sifObjects(config: ImageConfig, imageId: string): SifObject[] {
  const definition = `# made by hpcbinder from an image of a container engine\nbootstrap: docker-daemon\nfrom: ${imageId}\n`;
  return [
    { type: SIF_TYPE.definition, name: 'deffile', data: Buffer.from(definition) },
    { type: SIF_TYPE.jsonGeneric, name: 'oci-labels.json', data: Buffer.from(labelsJson(config.labels)) },
  ];
}
