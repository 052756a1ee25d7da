/** What SQLite says, as E-STATE: the file, what it means, what to do. */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { HpcbinderError } from '../../core/errors.ts';
import { notThere } from './library.ts';

type Words = { message: (file: string) => string; hint: (file: string) => string; transient?: boolean };

/** By the primary result code (sqlite.org/rescode.html). */
const KNOWN: ReadonlyMap<string, Words> = new Map([
  [
    'SQLITE_FULL',
    {
      message: (file) => `the disk of ${file} is full: nothing was written`,
      hint: () => 'Free some space there. Open sessions go on; what was asked for last was not kept.',
      transient: true,
    },
  ],
  [
    'SQLITE_BUSY',
    {
      message: (file) => `another process holds ${file}`,
      hint: (file) =>
        `\`fuser ${file}\` names it. One hpcbinder serves from one state; \`hpcbinder admin\` may run beside it.`,
      transient: true,
    },
  ],
  [
    'SQLITE_CORRUPT',
    {
      message: (file) => `${file} is damaged`,
      hint: (file) =>
        `Stop the service and run \`hpcbinder admin repair\`: it sets the file aside and keeps every row that can be read. ` +
        `Or put a copy that \`hpcbinder admin backup\` wrote in the place of ${file}, and remove ${file}-wal and ${file}-shm. Jobs go on meanwhile.`,
    },
  ],
  [
    'SQLITE_READONLY',
    {
      message: (file) => `${file} cannot be written to`,
      hint: () => 'Is the disk mounted read-only, or the file of another user? Open sessions go on.',
    },
  ],
  [
    'SQLITE_CANTOPEN',
    {
      message: (file) => `${file} cannot be opened`,
      hint: () => 'It and its folder must belong to the account of the service.',
    },
  ],
  [
    'SQLITE_IOERR',
    {
      message: (file) => `the disk of ${file} fails`,
      hint: () => 'Look into the kernel log (dmesg). Nothing of what was asked for last was kept.',
    },
  ],
]);

/** The error as it is, where it is not SQLite's. */
export function stateFault(error: unknown, file: string): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  // of node:module, and of `bindings`, which looks for the compiled part only when a database is opened
  if (code === 'ERR_DLOPEN_FAILED' || /^Could not locate the bindings file/.test(String((error as Error)?.message)))
    return notThere(error);
  if (error instanceof HpcbinderError || typeof code !== 'string' || !code.startsWith('SQLITE_')) return error;
  const first = code === 'SQLITE_NOTADB' ? 'SQLITE_CORRUPT' : code.split('_').slice(0, 2).join('_');
  // the shared memory beside the file is a file too, and has no word of its own for a full disk
  const primary = first === 'SQLITE_IOERR' && isFull(file) ? 'SQLITE_FULL' : first;
  const words = KNOWN.get(primary);
  return new HpcbinderError('E-STATE', {
    message: words?.message(file) ?? `${file}: ${(error as Error).message} (${code})`,
    ...(words ? { hint: words.hint(file) } : {}),
    ...(words?.transient ? { transient: true } : {}),
    cause: error,
  });
}

/** Less than what opening needs. */
const LEAST_BYTES = 256 << 10;

function isFull(file: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(file));
    return bavail * bsize < LEAST_BYTES;
  } catch {
    return false;
  }
}
