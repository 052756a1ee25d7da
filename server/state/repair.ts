/** Of a damaged file all rows that can still be read, in a new one; the damaged one is set aside. */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type Sqlite from 'better-sqlite3';
import { alone } from './alone.ts';
import { stateFault } from './faults.ts';
import { FILE_NAME, type Opening, StateFile, type Value } from './file.ts';
import { library } from './library.ts';

/** In an order in which nothing refers to what comes later. */
const TABLES = ['users', 'sessions', 'launches', 'images', 'builds', 'logins', 'tokens', 'audit', 'settings'];

export type Repaired = { aside: string; rows: Readonly<Record<string, number>>; damaged: readonly string[] };

/**
 * Only where nobody serves from it.
 * @returns how many rows of each table were kept, and in which tables some could not be read; undefined where it is whole
 * @throws HpcbinderError E-LOCKED, E-STATE
 */
export function repair(directory: string, how: Opening = {}): Repaired | undefined {
  const release = alone(directory);
  try {
    const path = join(directory, FILE_NAME);
    if (isWhole(path)) return undefined;
    const time = (how.now?.() ?? new Date()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const aside = `${path}.damaged-${time}`;
    for (const end of ['-shm', '-wal', '']) if (existsSync(path + end)) renameSync(path + end, aside + end);
    const file = new StateFile(directory, how);
    try {
      return { aside, ...salvaged(aside, file) };
    } finally {
      file.close();
    }
  } finally {
    release();
  }
}

function isWhole(path: string): boolean {
  try {
    const database = new (library())(path, { fileMustExist: true });
    try {
      return (
        database.pragma('integrity_check(1)', { simple: true }) === 'ok' &&
        Number(database.pragma('user_version', { simple: true })) > 0
      );
    } finally {
      database.close();
    }
  } catch {
    return false;
  }
}

function salvaged(from: string, into: StateFile): Omit<Repaired, 'aside'> {
  const rows: Record<string, number> = {};
  const damaged: string[] = [];
  let source: Sqlite.Database;
  try {
    source = new (library())(from, { fileMustExist: true });
  } catch (error) {
    throw stateFault(error, from);
  }
  try {
    for (const table of TABLES) {
      const columns = new Set(into.all(`PRAGMA table_info(${table})`).map((row) => String(row.name)));
      // from both ends: behind a page that cannot be read there are more
      const down = taken(source, `SELECT * FROM ${table}`, table, columns, into);
      if (!down) {
        const key =
          table === 'users'
            ? 'account'
            : String(into.get(`SELECT name FROM pragma_table_info('${table}') WHERE pk = 1`)?.name);
        taken(source, `SELECT * FROM ${table} ORDER BY ${key} DESC`, table, columns, into);
        damaged.push(table);
      }
      rows[table] = Number(into.get(`SELECT count(*) AS n FROM ${table}`)?.n);
    }
  } finally {
    source.close();
  }
  return { rows, damaged };
}

/** @returns whether all could be read */
function taken(
  source: Sqlite.Database,
  sql: string,
  table: string,
  columns: ReadonlySet<string>,
  into: StateFile,
): boolean {
  return into.together(() => {
    try {
      for (const row of source.prepare<[], Record<string, Value>>(sql).iterate()) {
        const names = Object.keys(row).filter((name) => columns.has(name));
        const marks = names.map(() => '?').join(', ');
        try {
          into.run(
            `INSERT OR IGNORE INTO ${table} (${names.join(', ')}) VALUES (${marks})`,
            ...names.map((name) => row[name] ?? null),
          );
        } catch {
          // a login whose user could not be read
        }
      }
      return true;
    } catch {
      return false;
    }
  });
}
