import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ImageStore } from '../../converters/store.ts';
import { parseReceipt } from '../../converters/store-questions.ts';
import type { SifFile, SifReceipt } from '../../core/artifacts.ts';
import type { Transport } from '../../core/transport.ts';
import { openTransport } from '../../transports/index.ts';

const KEY = 'a'.repeat(32);
const root = mkdtempSync(join(tmpdir(), 'hb-store-'));
const data = randomBytes(300_000);
const sif: SifFile = {
  path: join(root, 'local.sif'),
  bytes: data.length,
  sha256: createHash('sha256').update(data).digest('hex'),
};
const receipt: SifReceipt = {
  schema: 1,
  key: KEY,
  bytes: sif.bytes,
  sha256: sif.sha256,
  platform: 'linux/amd64',
  builtAt: '2026-01-01T00:00:00Z',
  repo: './x',
  tool: 'hpcbinder 0.1.0',
  contentInImage: false,
};

let transport: Transport;
let directory: string;
let store: ImageStore;
let count = 0;
beforeAll(async () => {
  writeFileSync(sif.path, data);
  transport = await openTransport('local', undefined);
});
afterAll(async () => {
  await transport[Symbol.asyncDispose]();
});
beforeEach(() => {
  directory = join(root, `store-${++count}`);
  store = new ImageStore(transport, directory, 'python3');
});

describe('the image store', () => {
  it('has nothing at first, and what was put afterwards, private to its user', async () => {
    expect(await store.has(KEY)).toBeUndefined();
    const seen: number[] = [];
    const stored = await store.put(sif, receipt, { tookOver: false, on: ({ done }) => seen.push(done) });
    expect(stored).toEqual({
      path: join(directory, `${KEY}.sif`),
      receipt,
      seal: expect.stringMatching(`^${sif.sha256} ${sif.bytes} [0-9]+ [0-9.]+ [0-9.]+$`),
    });
    expect(await store.has(KEY)).toEqual(stored);
    expect(seen.at(-1)).toBe(sif.bytes);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(stored.path).mode & 0o777).toBe(0o600);
    expect(readFileSync(stored.path).equals(data)).toBe(true);
  });

  it('sends only what is missing of an upload that was cut', async () => {
    await store.put({ ...sif }, receipt, { tookOver: false });
    await store.remove(KEY);
    writeFileSync(join(directory, `${KEY}.sif.partial`), data.subarray(0, 200_000));
    let first: number | undefined;
    await store.put(sif, receipt, { tookOver: false, on: ({ done }) => (first ??= done) });
    expect(first).toBeGreaterThan(200_000);
    expect(readFileSync(store.path(KEY)).equals(data)).toBe(true);
  });

  it('begins anew where the part that lies there is of another file', async () => {
    await store.put(sif, receipt, { tookOver: false });
    await store.remove(KEY);
    writeFileSync(join(directory, `${KEY}.sif.partial`), randomBytes(200_000));
    await store.put(sif, receipt, { tookOver: false });
    expect(readFileSync(store.path(KEY)).equals(data)).toBe(true);
  });

  it('never shows an image whose bytes are not the ones that were sent', async () => {
    const claimed = { ...sif, sha256: 'f'.repeat(64) };
    await expect(store.put(claimed, { ...receipt, sha256: claimed.sha256 }, { tookOver: false })).rejects.toMatchObject(
      {
        code: 'E-IMAGE-DAMAGED',
      },
    );
    expect(existsSync(store.path(KEY))).toBe(false);
    expect(await store.has(KEY)).toBeUndefined();
  });

  it('says what is needed and what is there when the disk is full', async () => {
    await expect(store.put({ ...sif, bytes: 1e18 }, receipt, { tookOver: false })).rejects.toMatchObject({
      code: 'E-DISK-FULL',
      message: expect.stringMatching(/needs .* TB .* has .* free/),
    });
  });

  it('takes no receipt that is not whole', () => {
    for (const text of ['', '{', 'null', '{"schema":2}', JSON.stringify({ ...receipt, sha256: 'x' })]) {
      expect(parseReceipt(text)).toBeUndefined();
    }
  });
});
