import { existsSync, lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pack } from '../../cli/pack.ts';
import { memberPath, placeOf, staysInside } from '../../cli/places.ts';
import { unpack } from '../../cli/unpack.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { tarName } from '../../core/tar.ts';
import { type Given, tarOf } from '../converters/tars.ts';

describe('the sides of cp', () => {
  it.each([
    ['k3f:results.csv', 'k3f', 'results.csv'],
    ['hb-k3f9q2x7ma:a b/c', 'hb-k3f9q2x7ma', 'a b/c'],
    ['k3f:', 'k3f', ''],
    ['k3f:a:b', 'k3f', 'a:b'],
    ['.', undefined, '.'],
    ['./k3f:x', undefined, './k3f:x'],
    ['/tmp/k3f:x', undefined, '/tmp/k3f:x'],
  ])('%s', (text, session, path) => {
    expect(placeOf(text)).toEqual({ session, path });
  });

  it.each(['k3f:/etc/passwd', 'k3f:../x', 'k3f:a/../../x', 'k3f:~/x', 'k3f:a\0'])('refuses %j', (text) => {
    expect(() => placeOf(text)).toThrow(HpcbinderError);
  });

  it('a member never leaves the folder, however it is named', () => {
    const word = fc.constantFrom('a', 'b', '..', '.', '', '...');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (parts) => {
        const path = memberPath(parts.join('/'));
        if (path !== undefined) expect(join('/into', path).startsWith('/into/')).toBe(true);
      }),
    );
  });

  it('a link stays where its lexical path stays', () => {
    expect(staysInside('a/b', '../c')).toBe(true);
    expect(staysInside('b', 'c/d')).toBe(true);
    for (const [member, target] of [
      ['b', '../c'],
      ['a/b', '../../c'],
      ['b', '/etc'],
      ['b', 'd/../..'],
      ['b', ''],
    ] as const)
      expect([member, target, staysInside(member, target)]).toEqual([member, target, false]);
  });
});

describe('a directory of a session, unpacked here', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'hb-unpack-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const take = (...entries: Given[]) => unpack(Readable.from([tarOf(...entries)]), join(root));

  it('has its files, modes and inner links, and no set-id bits', async () => {
    const left = await take(
      { name: 'd', kind: 'directory', mode: 0o755 },
      { name: 'd/run', mode: 0o4755, body: 'text' },
      { name: 'd/link', kind: 'symlink', link: 'run' },
    );
    expect(left).toEqual([]);
    expect(readFileSync(join(root, 'd/link'), 'utf8')).toBe('text');
    expect(statSync(join(root, 'd/run')).mode & 0o7700).toBe(0o700);
  });

  it('leaves out devices, links that lead outside, and links made through links', async () => {
    const left = await take(
      { name: 'null', kind: 'character' },
      { name: 'out', kind: 'symlink', link: '/etc/passwd' },
      { name: 'here', kind: 'symlink', link: '.' },
      { name: 'HERE/up', kind: 'symlink', link: '..' },
    );
    expect(left).toHaveLength(3);
    expect(existsSync(join(root, 'up'))).toBe(false);
    expect(readlinkSync(join(root, 'here'))).toBe('.');
  });

  it('writes no file through a link: the links come last, and a name that is taken is an error', async () => {
    await expect(
      take({ name: 'x', kind: 'symlink', link: 'y' }, { name: 'x', body: 'mine' }, { name: 'y', body: 'other' }),
    ).rejects.toMatchObject({ code: 'EEXIST' });
    expect(lstatSync(join(root, 'x')).isFile()).toBe(true);
    expect(readFileSync(join(root, 'y'), 'utf8')).toBe('other');
  });

  it('is refused where a name leads out', async () => {
    await expect(take({ name: '../evil', body: 'x' })).rejects.toMatchObject({ code: 'E-WORK' });
    expect(existsSync(join(root, '../evil'))).toBe(false);
  });

  it('fails where the stream is cut', async () => {
    const whole = tarOf({ name: 'a', body: 'x'.repeat(5000) });
    await expect(unpack(Readable.from([whole.subarray(0, 3000)]), root)).rejects.toMatchObject({
      code: 'E-WORK',
    });
  });

  it('is what was packed', async () => {
    await take(
      { name: 'a/b', body: 'text' },
      { name: 'a/l', kind: 'symlink', link: 'b' },
      { name: tarName('ä'), body: '' },
    );
    const again = mkdtempSync(join(tmpdir(), 'hb-unpack-'));
    try {
      expect(await unpack(pack(root), again)).toEqual([]);
      expect(readFileSync(join(again, 'a/l'), 'utf8')).toBe('text');
      expect(existsSync(join(again, 'ä'))).toBe(true);
    } finally {
      rmSync(again, { recursive: true, force: true });
    }
  });
});
