/**
 * The FAKE PBS of `devcluster up --scheduler pbs`: commands with OpenPBS's words that really run jobs, for a PBS cannot be
 * installed from Debian. It goes into the containers beside Slurm's image, and what is Slurm's is taken away there.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TarFile, tarOf } from './tar.ts';

const SOURCES = join(fileURLToPath(new URL('.', import.meta.url)), 'pbs');

/** What is to be unpacked at `/`, and what starts a host. */
export async function fakePbs(): Promise<{ archive: Buffer; entrypoint: string }> {
  const files: TarFile[] = [];
  for (const name of (await readdir(SOURCES)).sort()) {
    if (!/[.](py|sh)$/.test(name)) continue;
    // `status` and `up` ask the image's own place
    const path = name === 'healthy.sh' ? 'usr/local/sbin/healthy.sh' : `opt/fakepbs/${name}`;
    files.push({ path, mode: 0o755, data: await readFile(join(SOURCES, name)) });
  }
  return { archive: tarOf(files), entrypoint: '/opt/fakepbs/entrypoint.sh' };
}
