/** Whole copies of a database that is in use. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type Sqlite from 'better-sqlite3';
import { HpcbinderError } from '../../core/errors.ts';
import { stateFault } from './faults.ts';

/** Of one moment, in one file without a log beside it, 0600, on the disk. What was deleted is not in it. */
export function copyTo(database: Sqlite.Database, path: string): void {
  closeSync(openSync(path, 'wx', 0o600));
  try {
    database.prepare('VACUUM INTO ?').run(path);
    sync(path);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/**
 * The same for a person: under its name only when it is whole, however the process ends.
 * @throws HpcbinderError E-STATE
 */
export function putCopy(database: Sqlite.Database, path: string): void {
  if (existsSync(path))
    throw new HpcbinderError('E-STATE', { message: `${path} is there already`, hint: 'Name a new file.' });
  const half = `${path}.partial`;
  rmSync(half, { force: true });
  try {
    copyTo(database, half);
    renameSync(half, path);
    sync(dirname(path));
  } catch (error) {
    const fault = stateFault(error, path);
    if (fault instanceof HpcbinderError) throw fault;
    throw new HpcbinderError('E-STATE', {
      message: `${path} could not be written: ${(error as Error).message}`,
      cause: error,
    });
  }
}

function sync(path: string): void {
  const handle = openSync(path, 'r');
  fsyncSync(handle);
  closeSync(handle);
}
