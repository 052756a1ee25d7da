import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import fc from 'fast-check';
import { tarOf } from '../../devcluster/tar.ts';

async function unpacked<T>(archive: Buffer, look: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'hb-tar-'));
  try {
    await execa('tar', ['-x', '-p', '-C', folder], { input: archive });
    return await look(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the tar archives that the engine is given', () => {
  it('are unpacked by tar to the same bytes and modes', async () => {
    const file = fc.uint8Array({ maxLength: 1500 });
    await fc.assert(
      fc.asyncProperty(file, file, async (one, two) => {
        const archive = tarOf([
          { path: 'munge.key', mode: 0o600, data: one },
          { path: 'slurm/slurm.conf', mode: 0o644, data: two },
        ]);
        await unpacked(archive, async (folder) => {
          expect(new Uint8Array(await readFile(join(folder, 'munge.key')))).toEqual(one);
          expect(new Uint8Array(await readFile(join(folder, 'slurm/slurm.conf')))).toEqual(two);
          expect((await stat(join(folder, 'munge.key'))).mode & 0o777).toBe(0o600);
        });
      }),
      { numRuns: 12 },
    );
  });

  it('are equal for equal files, for the image is named after their hash', () => {
    const files = [{ path: 'a', mode: 0o644, data: Buffer.from('x') }];
    expect(tarOf(files)).toEqual(tarOf(files));
  });
});
