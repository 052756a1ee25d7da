/** Tar stream → squashfs, `offset` bytes into a file: mksquashfs of this machine, else of a container of the engine. */
import { execFile, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { Compression } from '../core/config.ts';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { lastLines } from '../core/text.ts';

/** zstd's level 3 is a tenth of the default level's time for 4 % more bytes; gzip takes four times as long (CLUSTER.md). */
const LEVELS: Readonly<Record<Compression, string>> = { zstd: '3', gzip: '6' };
/** mksquashfs asks for a quarter of the machine's memory otherwise */
const MEMORY = '256M';
const MAX_PROCESSORS = 8;
const MOUNT = '/hpcbinder';

export type SquashfsHow = {
  out: string;
  offset: number;
  /** epoch seconds: with it, and the root's mode, the bytes are the same each time */
  created: number;
  compression?: Compression;
  signal?: AbortSignal;
};

/** `-`: from standard input. The same words for both places, but for the file's. */
export function mksquashfsWords(how: SquashfsHow, out = how.out): string[] {
  const processors = String(Math.min(MAX_PROCESSORS, availableParallelism()));
  const { compression = 'zstd' } = how;
  const compressed = ['-comp', compression, '-Xcompression-level', LEVELS[compression]];
  return [
    ...['mksquashfs', '-', out, '-tar', ...compressed, '-o', String(how.offset), '-noappend', '-no-xattrs'],
    ...['-root-mode', '0755', '-root-uid', '0', '-root-gid', '0', '-root-time', String(how.created)],
    ...['-processors', processors, '-mem', MEMORY, '-no-progress', '-quiet'],
  ];
}

export async function hasMksquashfs(): Promise<boolean> {
  // its exit status for -version is 0 or 1, by version
  const answer = await promisify(execFile)('mksquashfs', ['-version']).catch((error: unknown) => error);
  const said = typeof answer === 'object' && answer !== null && 'stdout' in answer ? String(answer.stdout) : '';
  const version = /version ([0-9]+)\.([0-9]+)/.exec(said);
  // -tar came with 4.5
  return version !== null && (Number(version[1]) > 4 || Number(version[2]) >= 5);
}

export async function squashHere(tar: AsyncIterable<Uint8Array>, how: SquashfsHow): Promise<void> {
  const [program = 'mksquashfs', ...args] = mksquashfsWords(how);
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(how.created), LC_ALL: 'C' };
  const child = spawn(program, args, { env, stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-16384);
  });
  const ended = new Promise<number | string>((resolve, reject) => {
    child.on('error', reject).on('close', (code, killed) => resolve(code ?? killed ?? 'unknown'));
  });
  const fed = pipeline(Readable.from(tar, { objectMode: false, highWaterMark: 1 << 20 }), child.stdin, {
    signal: how.signal,
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    return error ?? new Error('the tar stream ended early');
  });
  const [status, broken] = await Promise.all([ended, fed]);
  judge(broken, status, said, how.signal);
}

/** `toolsImage` has mksquashfs on its PATH. */
export async function squashInContainer(
  engine: Engine,
  toolsImage: string,
  tar: AsyncIterable<Uint8Array>,
  how: SquashfsHow,
): Promise<void> {
  const words = mksquashfsWords(how, `${MOUNT}/${basename(how.out)}`);
  const { exitCode, stderr } = await engine.filter(toolsImage, {
    command: ['env', `SOURCE_DATE_EPOCH=${how.created}`, 'LC_ALL=C', ...words],
    stdin: Readable.from(tar, { objectMode: false, highWaterMark: 1 << 20 }),
    mount: { from: dirname(how.out), to: MOUNT },
    ...(how.signal === undefined ? {} : { signal: how.signal }),
  });
  judge(undefined, exitCode, stderr, how.signal);
}

/** Its exit status is 0 for an entry that it could not place: any word on stderr is a fault (CLUSTER.md). */
function judge(broken: unknown, status: number | string, said: string, signal: AbortSignal | undefined): void {
  signal?.throwIfAborted();
  if (broken instanceof HpcbinderError) throw broken;
  const evidence = lastLines(said, 10);
  if (status === 0 && evidence.length === 0 && broken === undefined) return;
  if (said.includes('No space left on device')) {
    throw new HpcbinderError('E-DISK-FULL', { message: 'this machine has no room for the image file', evidence });
  }
  throw new HpcbinderError('E-CONVERT', {
    message: `mksquashfs failed (exit ${status})`,
    evidence,
    cause: broken,
    hint: 'If its words do not tell: --build-on cluster makes the image another way.',
  });
}
