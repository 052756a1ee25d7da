/** Stored images that were damaged or swapped: each is noticed, named in one line, set aside, and counts as absent. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { partitionOffset, sifFront } from '../../converters/sif.ts';
import { ImageStore } from '../../converters/store.ts';
import { shelfFault } from '../../converters/store-trust.ts';
import { sifOf, storeRig } from './store-rig.ts';

const KEY = 'b'.repeat(32);
const partition = randomBytes(600_000);
const front = sifFront(
  { platform: 'linux/amd64', identity: KEY, created: 1_700_000_000, objects: [] },
  partition.length,
);
const data = Buffer.concat([front, partition]);
const { root, sif, receipt, transport } = await storeRig(KEY, data);

let directory: string;
let store: ImageStore;
let path: string;
let count = 0;
beforeEach(async () => {
  directory = join(root, `store-${++count}`);
  store = new ImageStore(transport, directory, 'python3');
  path = (await store.put(sif, receipt, { tookOver: false })).path;
});

async function looked() {
  const why: string[] = [];
  let read = false;
  const found = await store.has(KEY, {
    onDamaged: (text) => why.push(text),
    on: () => {
      read = true;
    },
  });
  return { found, why, read };
}

const at = (offset: number, bytes: Uint8Array) => {
  const changed = Buffer.from(data);
  changed.set(bytes, offset);
  writeFileSync(path, changed);
};
const long = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
};

/** As measured on Apptainer 1.4.5, which fails late, panics, runs out of memory or, worst, runs with other bytes. */
const MUTATIONS: readonly (readonly [string, () => void, RegExp])[] = [
  ['0 bytes', () => truncateSync(path, 0), /^has 0 bytes instead of /],
  ['100 bytes', () => truncateSync(path, 100), /^has 100 bytes instead of /],
  ['another magic', () => at(32, Buffer.from('SIF_MAGIX')), /^is no SIF any more: it does not begin as a SIF does$/],
  ['cut at 40 kB', () => truncateSync(path, 40_000), /^has 40000 bytes instead of /],
  ['cut in the middle', () => truncateSync(path, data.length >> 1), /^has [0-9]+ bytes instead of /],
  ['200 kB less', () => truncateSync(path, data.length - 200_000), /^has [0-9]+ bytes instead of /],
  ['4 kB less', () => truncateSync(path, data.length - 4096), /^has [0-9]+ bytes instead of /],
  ['a huge offset of its table', () => at(96, long(1n << 60n)), /^is no SIF any more: its table of objects is not/],
  ['2^63-1 objects', () => at(88, long((1n << 63n) - 1n)), /^is no SIF any more: it claims [0-9]+ objects/],
  ['2^30 objects', () => at(88, long(1n << 30n)), /^is no SIF any more: it claims 1073741824 objects, at most 4096/],
  [
    '4 KiB of other bytes in its file system',
    () => at(partitionOffset([]) + 8192, randomBytes(4096)),
    /^has another content than was stored \(sha256 [0-9a-f]{12} instead of [0-9a-f]{12}\)$/,
  ],
];

describe('a stored image', () => {
  it('that nobody wrote to is not read again, whatever its age', async () => {
    const before = statSync(path).ctimeMs;
    expect(await looked()).toEqual({ found: { path, receipt, seal: expect.any(String) }, why: [], read: false });
    expect(statSync(path).ctimeMs).toBe(before);
    expect(Date.now() - statSync(path.replace('.sif', '.json')).mtimeMs).toBeLessThan(5_000);
  });

  it.each(MUTATIONS)(
    'SIF-01: with %s is named in one line, set aside, and can be put again',
    async (_, mutate, words) => {
      mutate();
      const { found, why } = await looked();
      expect(found).toBeUndefined();
      expect(why).toEqual([expect.stringMatching(words)]);
      expect(readdirSync(directory)).toEqual([expect.stringMatching(`^${KEY}\\.sif\\.damaged-[0-9]+$`)]);
      await store.put(sif, receipt, { tookOver: false });
      expect((await looked()).found).toBeDefined();
    },
  );

  it('SIF-01: with 4 KiB of other bytes, the same size and the old mtime is noticed all the same', async () => {
    const { atime, mtime } = statSync(path);
    at(partitionOffset([]) + 8192, randomBytes(4096));
    utimesSync(path, atime, mtime);
    expect((await looked()).why).toEqual([expect.stringMatching(/^has another content/)]);
  });

  it('that was moved to another disk is read once, and sealed again', async () => {
    copyFileSync(path, `${path}.copy`);
    chmodSync(`${path}.copy`, 0o600);
    renameSync(`${path}.copy`, path);
    const first = await looked();
    expect(first.found?.seal).toMatch(new RegExp(`^${sif.sha256} `));
    const seal = readFileSync(path.replace('.sif', '.seal'), 'utf8');
    expect(seal.trim()).toBe(first.found?.seal);
    expect((await looked()).found?.seal).toBe(first.found?.seal);
  });

  it('whose receipt is cut is not believed', async () => {
    truncateSync(path.replace('.sif', '.json'), 20);
    expect((await looked()).why).toEqual(['has a receipt that cannot be read']);
  });

  it('F-39: that a new one replaces stays under another name, for a job that reads it', async () => {
    const next = Buffer.concat([data, Buffer.alloc(10)]);
    const newer = sifOf(root, 'newer.sif', next);
    const inode = statSync(path).ino;
    await store.put(newer, { ...receipt, bytes: newer.bytes, sha256: newer.sha256 }, { tookOver: false });
    expect(statSync(path).size).toBe(next.length);
    const old = readdirSync(directory).find((name) => name.includes('.sif.old-')) ?? '';
    expect(statSync(join(directory, old)).ino).toBe(inode);
    expect((await looked()).found?.receipt.sha256).toBe(newer.sha256);
  });
});

describe('SIF-02: a store that another could write into', () => {
  it('is refused, with what to do', async () => {
    chmodSync(directory, 0o777);
    await expect(store.has(KEY)).rejects.toMatchObject({
      code: 'E-STORE',
      message: expect.stringContaining('others may write into it (mode 777)'),
      hint: expect.stringContaining('chmod go-w'),
    });
    expect(existsSync(path)).toBe(true);
  });

  it('holds no image that others may write to, and none by a link', async () => {
    chmodSync(path, 0o666);
    expect((await looked()).why).toEqual(['is not trusted: others may write to it (mode 666)']);
    symlinkSync(sif.path, path);
    writeFileSync(path.replace('.sif', '.json'), JSON.stringify(receipt));
    expect(await store.has(KEY)).toBeUndefined();
  });

  it('is a service’s only where all above it is closed too', () => {
    const shelf = { uid: '900', mode: '755' };
    const closed = [{ uid: '0', mode: '755' }];
    expect(shelfFault('2001', shelf, [...closed, { uid: '900', mode: '755' }])).toBeUndefined();
    expect(shelfFault('2001', shelf, [...closed, { uid: '0', mode: '1777' }])).toBeUndefined();
    expect(shelfFault('2001', shelf, [...closed, { uid: '0', mode: '777' }])).toMatch(/^it belongs to user 900, and/);
    expect(shelfFault('2001', shelf, [{ uid: '2002', mode: '755' }])).toMatch(/^it belongs to user 900, and/);
    // a directory of ours cannot be put there by another
    expect(shelfFault('2001', { uid: '2001', mode: '700' }, [{ uid: '0', mode: '777' }])).toBeUndefined();
    expect(shelfFault('2001', { uid: '2001', mode: '775' }, closed)).toBe('others may write into it (mode 775)');
  });
});

it('the program that reads images again is one that Python 3.6 understands', () => {
  const source = readFileSync(new URL('../../converters/store-hash.py', import.meta.url), 'utf8');
  execFileSync('python3', ['-c', 'import ast,sys; ast.parse(sys.stdin.read(), feature_version=(3, 6))'], {
    input: source,
  });
});
