/**
 * The SIF file format, written and read; pure over bytes. Little endian (https://github.com/apptainer/sif, pkg/sif).
 *
 *       0  launch script (32) "#!/usr/bin/env run-singularity\n"
 *      32  magic "SIF_MAGIC\0" (10) · version "01\0" (3) · arch "02\0" (3) · uuid (16)
 *      64  created, modified (8, 8) · descriptors free, total (8, 8)
 *      96  descriptors' offset, size (8, 8) · data offset, size (8, 8)
 *     128  zeros
 *    4096  descriptors, 585 bytes each, 48 of them
 *   32176  small objects: the definition, the labels
 *       …  the squashfs partition, at a multiple of 4096
 *
 *   descriptor: type int32 · used (1) · id, group, link uint32 · offset, size, size with padding int64
 *               · created, modified int64 · uid, gid int64 · name (128) · extra (384)
 */
import { createHash } from 'node:crypto';
import type { Platform } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';

const LAUNCH = '#!/usr/bin/env run-singularity\n';
const MAGIC = 'SIF_MAGIC\0';
const HEADER_BYTES = 128;
const TABLE_OFFSET = 4096;
const DESCRIPTOR_BYTES = 585;
const DESCRIPTORS = 48;
const DATA_OFFSET = TABLE_OFFSET + DESCRIPTORS * DESCRIPTOR_BYTES;
const PAGE = 4096;
/** Apptainer 1.4.5 panics or exhausts memory over a table that claims more (SECURITY SIF-01) */
const MAX_DESCRIPTORS = 4096;

export const SIF_TYPE = { definition: 0x4001, partition: 0x4004, jsonGeneric: 0x4006 } as const;
const GROUP = 0xf0000001;
const SQUASHFS = 1;
const PRIMARY_SYSTEM = 2;
const ARCH: Readonly<Record<Platform, string>> = { 'linux/amd64': '02\0', 'linux/arm64': '04\0' };

export type SifObject = { type: number; name: string; data: Uint8Array };
export type SifMeta = {
  platform: Platform;
  /** what the uuid is derived from: the same image gives the same file */
  identity: string;
  /** epoch seconds */
  created: number;
  objects: readonly SifObject[];
};

/** Where the partition begins: `mksquashfs -o` leaves so many bytes free. */
export function partitionOffset(objects: readonly SifObject[]): number {
  const end = objects.reduce((at, object) => align(at, 8) + object.data.length, DATA_OFFSET);
  return align(end, PAGE);
}

/** All bytes in front of the partition. `partitionBytes`: the squashfs's own size. */
export function sifFront(meta: SifMeta, partitionBytes: number): Uint8Array {
  const start = partitionOffset(meta.objects);
  const front = Buffer.alloc(start);
  const used = meta.objects.length + 1;
  front.write(LAUNCH, 0, 'latin1');
  front.write(`${MAGIC}01\0${ARCH[meta.platform]}`, 32, 'latin1');
  uuid(meta.identity).copy(front, 48);
  longs(front, 64, [meta.created, meta.created, DESCRIPTORS - used, DESCRIPTORS]);
  longs(front, 96, [TABLE_OFFSET, DESCRIPTORS * DESCRIPTOR_BYTES, DATA_OFFSET, start + partitionBytes - DATA_OFFSET]);
  let at = DATA_OFFSET;
  for (const [index, object] of meta.objects.entries()) {
    const offset = align(at, 8);
    Buffer.from(object.data).copy(front, offset);
    const size = object.data.length;
    descriptor(front, index, { ...object, offset, size, padded: offset + size - at, created: meta.created });
    at = offset + size;
  }
  const partition = { type: SIF_TYPE.partition, name: 'squashfs', offset: start, size: partitionBytes };
  descriptor(front, used - 1, { ...partition, padded: start + partitionBytes - at, created: meta.created });
  const extra = TABLE_OFFSET + (used - 1) * DESCRIPTOR_BYTES + 201;
  front.writeInt32LE(SQUASHFS, extra);
  front.writeInt32LE(PRIMARY_SYSTEM, extra + 4);
  front.write(ARCH[meta.platform], extra + 8, 'latin1');
  return front;
}

export type SifDescriptor = { type: number; id: number; offset: number; size: number; name: string };
export type SifHeader = { platform: Platform; uuid: string; created: number; descriptors: readonly SifDescriptor[] };

/** Bytes from the start that `readSif` wants for any file it accepts. */
export const SIF_READ_BYTES = TABLE_OFFSET + MAX_DESCRIPTORS * DESCRIPTOR_BYTES;

/**
 * The header and its descriptors, each claim held against the file's size. E-IMAGE-DAMAGED names the fault.
 * `front`: the file's first SIF_READ_BYTES, or all of a smaller one.
 */
export function readSif(front: Uint8Array, fileBytes: number): SifHeader {
  const bytes = Buffer.from(front.buffer, front.byteOffset, front.byteLength);
  if (bytes.length < HEADER_BYTES) throw damaged('it is shorter than a header');
  if (bytes.toString('latin1', 32, 42) !== MAGIC) throw damaged('it does not begin as a SIF does');
  const platform = (Object.keys(ARCH) as Platform[]).find((key) => ARCH[key] === bytes.toString('latin1', 45, 48));
  if (platform === undefined) throw damaged('it is of an unknown architecture');
  const [total, table, tableBytes] = [long(bytes, 88), long(bytes, 96), long(bytes, 104)];
  if (total < 1 || total > MAX_DESCRIPTORS)
    throw damaged(`it claims ${total} objects, at most ${MAX_DESCRIPTORS} are read`);
  if (table < HEADER_BYTES || tableBytes < total * DESCRIPTOR_BYTES || table + tableBytes > bytes.length) {
    throw damaged('its table of objects is not where it says');
  }
  const descriptors: SifDescriptor[] = [];
  for (let index = 0; index < total; index++) {
    const at = table + index * DESCRIPTOR_BYTES;
    if (bytes[at + 4] === 0) continue;
    const [offset, size] = [long(bytes, at + 17), long(bytes, at + 25)];
    if (offset < 0 || size < 0 || offset + size > fileBytes) throw damaged('an object reaches over its end');
    const name = bytes.toString('utf8', at + 73, at + 201).replace(/\0.*$/s, '');
    descriptors.push({ type: bytes.readInt32LE(at), id: bytes.readUInt32LE(at + 5), offset, size, name });
  }
  if (!descriptors.some(({ type }) => type === SIF_TYPE.partition)) throw damaged('it holds no file system');
  return { platform, uuid: bytes.toString('hex', 48, 64), created: long(bytes, 64), descriptors };
}

type Written = { type: number; name: string; offset: number; size: number; padded: number; created: number };

function descriptor(front: Buffer, index: number, object: Written): void {
  const at = TABLE_OFFSET + index * DESCRIPTOR_BYTES;
  front.writeInt32LE(object.type, at);
  front[at + 4] = 1;
  front.writeUInt32LE(index + 1, at + 5);
  front.writeUInt32LE(GROUP, at + 9);
  longs(front, at + 17, [object.offset, object.size, object.padded, object.created, object.created, 0, 0]);
  front.write(object.name.slice(0, 127), at + 73, 'latin1');
}

function longs(front: Buffer, at: number, values: readonly number[]): void {
  for (const [index, value] of values.entries()) front.writeBigInt64LE(BigInt(value), at + 8 * index);
}

/** Over 2^53 is no size of a file: it becomes one that fails every bound. */
function long(bytes: Buffer, at: number): number {
  const value = bytes.readBigInt64LE(at);
  return value > BigInt(Number.MAX_SAFE_INTEGER) || value < 0n ? Number.MAX_SAFE_INTEGER : Number(value);
}

function align(at: number, to: number): number {
  return Math.ceil(at / to) * to;
}

/** Version 8 of RFC 9562: bits of a hash of ours. */
function uuid(identity: string): Buffer {
  const bytes = createHash('sha256').update(`hpcbinder sif ${identity}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes;
}

function damaged(why: string): HpcbinderError {
  return new HpcbinderError('E-IMAGE-DAMAGED', {
    message: `the image file is damaged: ${why}`,
    hint: 'Launch again with --rebuild: the image is made anew.',
  });
}
