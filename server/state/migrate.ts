/** Looks whether a file is whole and of a version that we know, and brings it to this one. */
import { existsSync } from 'node:fs';
import type Sqlite from 'better-sqlite3';
import { HpcbinderError } from '../../core/errors.ts';
import { copyTo } from './copy.ts';
import { STEPS } from './schema.ts';

const versionOf = (database: Sqlite.Database) => Number(database.pragma('user_version', { simple: true }));

/**
 * Before the first change of a file that was there, a copy is made: `PATH.before-N`. Each step and its number are one
 * transaction: killed in between, the next start goes on from there.
 * @throws HpcbinderError E-STATE of a newer one, which is left as it is; an SQLite error of a damaged one
 */
export function migrate(
  database: Sqlite.Database,
  path: string,
  tell: (words: string) => void,
  steps: readonly string[] = STEPS,
): void {
  const version = known(database, path, steps);
  const found = database.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw Object.assign(new Error(String(found)), { code: 'SQLITE_CORRUPT' });
  if (version === steps.length) return;
  if (version > 0) {
    const copy = `${path}.before-${steps.length}`;
    if (!existsSync(copy)) copyTo(database, copy);
    tell(`the state is brought from schema ${version} to ${steps.length}; as it was it is kept in ${copy}`);
  }
  for (const [index, step] of steps.entries()) {
    if (index < version) continue;
    const run = () => {
      // another process may have been faster
      if (versionOf(database) > index) return;
      database.exec(step);
      database.pragma(`user_version = ${index + 1}`);
    };
    database.transaction(run).immediate();
  }
}

/** For a process beside the server: a server of another version would not know the tables any more. */
export function upToDate(database: Sqlite.Database, path: string): void {
  if (known(database, path, STEPS) === STEPS.length) return;
  throw new HpcbinderError('E-STATE', {
    message: `${path} is of an older hpcbinder`,
    hint: 'Start the service once (systemctl restart hpcbinder): it brings the file up to date.',
  });
}

function known(database: Sqlite.Database, path: string, steps: readonly string[]): number {
  const version = versionOf(database);
  if (version <= steps.length) return version;
  throw new HpcbinderError('E-STATE', {
    message: `${path} is of a newer hpcbinder (its schema is ${version}, this one knows ${steps.length})`,
    hint: `It was left as it is. Install that version again, or put back the copy of before the upgrade: ${path}.before-${version}`,
  });
}
