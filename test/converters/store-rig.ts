/** What each test of the image store puts into it, and over what: the local transport, a real one. */
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import type { SifFile, SifReceipt } from '../../core/artifacts.ts';
import type { Transport } from '../../core/transport.ts';
import { openTransport } from '../../transports/index.ts';

/** `data` as a file in `root`, with what the converter tells of it. */
export function sifOf(root: string, name: string, data: Buffer): SifFile {
  const path = join(root, name);
  writeFileSync(path, data);
  return { path, bytes: data.length, sha256: createHash('sha256').update(data).digest('hex') };
}

/** A folder of the test's own with that file in it, its receipt, and the transport, closed after the last test. */
export async function storeRig(
  key: string,
  data: Buffer,
): Promise<{ root: string; sif: SifFile; receipt: SifReceipt; transport: Transport }> {
  const root = mkdtempSync(join(tmpdir(), 'hb-store-'));
  const sif = sifOf(root, 'local.sif', data);
  const receipt: SifReceipt = {
    schema: 1,
    key,
    bytes: sif.bytes,
    sha256: sif.sha256,
    platform: 'linux/amd64',
    builtAt: '2026-01-01T00:00:00Z',
    repo: './x',
    tool: 'hpcbinder 0.1.0',
    contentInImage: false,
  };
  const transport = await openTransport('local', undefined);
  afterAll(() => transport[Symbol.asyncDispose]());
  return { root, sif, receipt, transport };
}
