import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readTar } from '../../converters/tar-read.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { TAR_END, tarFile } from '../../core/tar.ts';
import { chunks, collect, entriesOf, tarOf } from './tars.ts';

const latin1 = fc.string({
  unit: fc.integer({ min: 1, max: 255 }).map((c) => String.fromCharCode(c)),
  minLength: 1,
  maxLength: 300,
});

describe('tar', () => {
  it('is read as it was written: any bytes in names and links, any length, any chunks', async () => {
    const name = latin1.filter((text) => !text.endsWith('/'));
    await fc.assert(
      fc.asyncProperty(name, latin1, latin1, fc.integer({ min: 1, max: 3000 }), async (file, link, body, size) => {
        const data = tarOf({ name: file, body }, { name: link.replace(/\/+$/, 'x'), kind: 'symlink', link });
        const whole = await collect(chunks(data, size));
        expect(await entriesOf(whole)).toMatchObject([
          { name: file, body, mode: 0o644, mtime: 7 },
          { kind: 'symlink', link },
        ]);
      }),
    );
  });

  it('is what the real tar reads', () => {
    const data = tarOf(
      { name: `${'long/'.repeat(40)}file`, body: 'x' },
      { name: 'dir', kind: 'directory', mode: 0o755 },
    );
    const listed = execFileSync('tar', ['-tf', '-'], { input: data, encoding: 'utf8' });
    expect(listed).toBe(`${'long/'.repeat(40)}file\ndir/\n`);
  });

  it.each(['gnu', 'pax', 'ustar'])('is read as the real tar writes it (%s)', async (format) => {
    const dir = mkdtempSync(join(tmpdir(), 'hb-tar-'));
    try {
      const name = `${'d'.repeat(90)}-ü.txt`;
      writeFileSync(join(dir, name), 'content');
      const data = execFileSync('tar', [`--format=${format}`, '-C', dir, '-cf', '-', '.']);
      const entries = await entriesOf(data);
      expect(entries.map((one) => [Buffer.from(one.name, 'latin1').toString(), one.kind, one.body])).toEqual([
        ['.', 'directory', ''],
        [`./${name}`, 'file', 'content'],
      ]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it.each([
    ['cut in a header', (b: Buffer) => b.subarray(0, 300)],
    ['cut in a body', (b: Buffer) => b.subarray(0, 700)],
    ['without an end mark', (b: Buffer) => b.subarray(0, 1024)],
    ['with a flipped bit', (b: Buffer) => b.fill('7', 3, 4)],
    ['of an unknown kind', (b: Buffer) => resum(b.fill('S', 156, 157))],
    ['with a size of 8 EiB', (b: Buffer) => resum(b.fill(0x7f, 125, 136).fill(0x80, 124, 125))],
    ['with a metadata header of a gigabyte', (b: Buffer) => resum(b.fill('x', 156, 157).fill('10000000000', 124, 135))],
  ])('is refused when it is %s', async (_, damage) => {
    const data = damage(Buffer.concat([tarFile('name', 0o644, 'x'.repeat(400), 0), TAR_END]));
    await expect(entriesOf(data)).rejects.toThrow(HpcbinderError);
  });

  it('closes its source when nobody reads on, for an engine holds a container behind it', async () => {
    let closed = false;
    async function* source() {
      try {
        for (;;) yield tarFile('name', 0o644, 'x', 0);
      } finally {
        closed = true;
      }
    }
    for await (const _ of readTar(source())) break;
    expect(closed).toBe(true);
  });
});

function resum(block: Buffer): Buffer {
  block.fill(' ', 148, 156);
  const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
