/** A conversion as it is done, of tars made by hand, with canaries where a hostile name could reach; as root and as a user. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { type ConvertHow, docker2singularity } from '../../converters/docker2singularity.ts';
import { readSif, SIF_TYPE } from '../../converters/sif.ts';
import type { TarEntry } from '../../core/tar.ts';
import { engineOf } from './fake-engine.ts';

const NOBODY = 65534;
/** The id of a user who is not root: the tests' own, unless that is root. */
export const USER = process.getuid?.() === 0 ? NOBODY : (process.getuid?.() ?? NOBODY);
export const isRoot = process.getuid?.() === 0;
/** What a hostile program of an image would make, if it were ever run. */
export const PWN = '/tmp/hb-hostile-PWN';
const CANARIES = ['authorized_keys', '.bashrc', 'sub/file'];

export class Conversions {
  readonly top = mkdtempSync(join(tmpdir(), 'hb-hostile-'));
  /** Beside where images are written: `../canary` from there. */
  readonly canaries = join(this.top, 'canary');
  #count = 0;

  constructor() {
    mkdirSync(join(this.canaries, 'sub'), { recursive: true });
    for (const name of CANARIES) writeFileSync(join(this.canaries, name), 'untouched');
    // whoever converts may write there: only the converter keeps it whole
    chmodSync(this.top, 0o777);
    execFileSync('chmod', ['-R', 'a+rwX', this.canaries]);
  }

  /** The SIF's path; where it fails nothing is left of it. */
  async convert(uid: number, root: () => Iterable<Uint8Array>, config = {}, how: ConvertHow = {}): Promise<string> {
    const dir = join(this.top, `out-${this.#count++}`);
    mkdirSync(dir, { mode: 0o700 });
    if (isRoot) chownSync(dir, uid, uid);
    const path = join(dir, 'image.sif');
    try {
      await as(uid, () => docker2singularity(engineOf(root, config), 'hostile', path, how));
      return path;
    } catch (error) {
      expect(readdirSync(dir)).toEqual([]);
      throw error;
    }
  }

  expectUntouched(): void {
    for (const name of CANARIES) expect(readFileSync(join(this.canaries, name), 'utf8')).toBe('untouched');
    expect(readdirSync(this.canaries).sort()).toEqual(['.bashrc', 'authorized_keys', 'sub']);
    expect(readdirSync(join(this.canaries, 'sub'))).toEqual(['file']);
    expect(existsSync(PWN)).toBe(false);
  }

  remove(): void {
    rmSync(this.top, { recursive: true, force: true });
  }
}

/** mksquashfs and every file of the conversion have that id; jest itself is root again afterwards. */
async function as<T>(uid: number, run: () => Promise<T>): Promise<T> {
  if (!isRoot || uid === 0) return await run();
  process.setegid?.(uid);
  process.seteuid?.(uid);
  try {
    return await run();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

/** Where its squashfs begins. */
export function partitionOf(sif: string): string {
  const bytes = readFileSync(sif);
  const found = readSif(bytes, bytes.length).descriptors.find(({ type }) => type === SIF_TYPE.partition);
  return String(found?.offset ?? 0);
}

export function entry(given: Partial<TarEntry> & { name: string }): TarEntry {
  return { kind: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, link: '', size: 0, ...given };
}
