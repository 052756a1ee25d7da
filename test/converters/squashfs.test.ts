import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { hasMksquashfs, mksquashfsWords, squashHere } from '../../converters/squashfs.ts';
import { TAR_END, tarFile } from '../../core/tar.ts';
import { notRun } from '../not-run.ts';

/** Superblock of squashfs 4.0: the compression's number is the 16 bits at byte 20. */
const NUMBERS = { gzip: 1, zstd: 6 } as const;

it.each(['zstd', 'gzip'] as const)(
  'a squashfs is compressed by %s where the cluster wants that',
  async (compression) => {
    expect(mksquashfsWords({ out: 'x', offset: 0, created: 0, compression })).toContain(compression);
    if (!(await hasMksquashfs())) return notRun(`a squashfs by ${compression}: mksquashfs is not here`);
    const dir = mkdtempSync(join(tmpdir(), 'hb-squashfs-'));
    try {
      const out = join(dir, 'x');
      const tar = (async function* () {
        yield tarFile('big', 0o644, 'x'.repeat(100_000), 0);
        yield TAR_END;
      })();
      await squashHere(tar, { out, offset: 0, created: 1577836800, compression });
      expect(readFileSync(out).readUInt16LE(20)).toBe(NUMBERS[compression]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  },
);
