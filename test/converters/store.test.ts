import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ImageStore } from '../../converters/store.ts';
import { parseReceipt } from '../../converters/store-questions.ts';
import { storeRig } from './store-rig.ts';

const KEY = 'a'.repeat(32);
const data = randomBytes(300_000);
const { root, sif, receipt, transport } = await storeRig(KEY, data);

let directory: string;
let store: ImageStore;
let count = 0;
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
