import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { partitionOffset, readSif, SIF_TYPE, type SifMeta, sifFront } from '../../converters/sif.ts';
import { HpcbinderError } from '../../core/errors.ts';

const meta: SifMeta = {
  platform: 'linux/amd64',
  identity: 'sha256:1',
  created: 1_700_000_000,
  objects: [
    { type: SIF_TYPE.definition, name: 'deffile', data: Buffer.from('bootstrap: docker-daemon\n') },
    { type: SIF_TYPE.jsonGeneric, name: 'oci-labels.json', data: Buffer.from('{}') },
  ],
};
const BYTES = 123_456;
const size = partitionOffset(meta.objects) + BYTES;

const put = (value: bigint, at: number) => (bytes: Buffer) => {
  bytes.writeBigInt64LE(value, at);
  return bytes;
};

describe('the SIF format', () => {
  it('is read as it was written', () => {
    const header = readSif(sifFront(meta, BYTES), size);
    expect(header).toMatchObject({ platform: 'linux/amd64', created: 1_700_000_000 });
    expect(header.descriptors.map(({ type, name }) => [type, name])).toEqual([
      [SIF_TYPE.definition, 'deffile'],
      [SIF_TYPE.jsonGeneric, 'oci-labels.json'],
      [SIF_TYPE.partition, 'squashfs'],
    ]);
    expect(header.descriptors.at(-1)).toMatchObject({ offset: size - BYTES, size: BYTES });
  });

  it('begins with the line and the magic that Apptainer looks for, and the table at 4096', () => {
    const front = Buffer.from(sifFront(meta, BYTES));
    expect(front.toString('latin1', 0, 48)).toBe('#!/usr/bin/env run-singularity\n\0SIF_MAGIC\x0001\x0002\0');
    expect(front.readInt32LE(4096)).toBe(0x4001);
    expect(front.readUInt32LE(4096 + 9)).toBe(0xf0000001);
  });

  it('keeps small objects where their descriptors say, and the partition on a page', () => {
    const front = Buffer.from(sifFront(meta, BYTES));
    const [definition] = readSif(front, size).descriptors;
    expect(front.subarray(definition?.offset, (definition?.offset ?? 0) + (definition?.size ?? 0)).toString()).toBe(
      'bootstrap: docker-daemon\n',
    );
    expect(partitionOffset(meta.objects) % 4096).toBe(0);
  });

  it('is the same bytes for the same image, and has another uuid for another', () => {
    expect(sifFront(meta, BYTES)).toEqual(sifFront(meta, BYTES));
    const other = readSif(sifFront({ ...meta, identity: 'sha256:2' }, BYTES), size).uuid;
    expect(other).not.toBe(readSif(sifFront(meta, BYTES), size).uuid);
  });

  it.each([
    ['empty', (b: Buffer) => b.subarray(0, 0)],
    ['100 bytes', (b: Buffer) => b.subarray(0, 100)],
    ['of a bad magic', (b: Buffer) => b.fill('x', 32, 36)],
    ['of an unknown architecture', (b: Buffer) => b.fill('9', 45, 47)],
    ['claiming 2^63-1 objects', put(2n ** 63n - 1n, 88)],
    ['claiming 2^30 objects', put(2n ** 30n, 88)],
    ['with a table beyond its end', put(2n ** 40n, 96)],
    ['with an object beyond its end', put(2n ** 62n, 4096 + 2 * 585 + 17)],
    ['without a file system', (b: Buffer) => b.fill(0, 4096 + 2 * 585, 4096 + 3 * 585)],
  ])('is refused when it is %s', (_, damage) => {
    const bytes = damage(Buffer.from(sifFront(meta, BYTES)));
    expect(() => readSif(bytes, size)).toThrow(HpcbinderError);
  });

  it('is refused when the file was cut', () => {
    expect(() => readSif(sifFront(meta, BYTES), size - 4096)).toThrow(/reaches over its end/);
  });

  it('never fails in another way, whatever the header claims', () => {
    const good = Buffer.from(sifFront(meta, BYTES));
    fc.assert(
      fc.property(fc.nat(4096 + 3 * 585), fc.uint8Array({ minLength: 1, maxLength: 16 }), (at, noise) => {
        const bytes = Buffer.from(good);
        Buffer.from(noise).copy(bytes, at);
        try {
          const { descriptors } = readSif(bytes, size);
          expect(descriptors.every((one) => one.offset + one.size <= size)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(HpcbinderError);
        }
      }),
    );
  });
});
