/** A tar archive of a few small files in memory, as the engine's API takes them. */
import { TAR_END, tarFile } from '../core/tar.ts';

export type TarFile = { path: string; mode: number; data: Uint8Array };

/** Owner root; times zero, so that equal files give equal bytes. */
export function tarOf(files: readonly TarFile[]): Buffer {
  return Buffer.concat([...files.map(({ path, mode, data }) => tarFile(path, mode, data, 0)), TAR_END]);
}
