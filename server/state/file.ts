/**
 * The one file of the endpoint's state, 0600 in a 0700 directory: looked at, brought to this version, written durably (F-44). WAL with
 * `synchronous=FULL`: what a call has returned from is on the disk, whatever is killed after it.
 */
import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type Sqlite from 'better-sqlite3';
import { HpcbinderError } from '../../core/errors.ts';
import { type Disk, stateDirectory } from './disk.ts';
import { stateFault } from './faults.ts';
import { library } from './library.ts';
import { STEPS } from './schema.ts';

export const FILE_NAME = 'hpcbinder.db';

/** How long a write waits for that of another process: `hpcbinder admin`, or a backup. Less than a request's own deadline. */
const BUSY_MS = 5000;

export type Opening = {
  now?: () => Date;
  /** what the admin should know and nothing fails of */
  tell?: (words: string) => void;
  disk?: Disk;
  /** of `hpcbinder admin`: a state that is not there is not made */
  mustExist?: boolean;
};

/** A value of a column, and of a parameter. */
export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

export class StateFile {
  readonly path: string;
  readonly #tell: (words: string) => void;
  #database: Sqlite.Database;
  readonly #statements = new Map<string, Sqlite.Statement<Value[], Row>>();
  /** why the last write failed, until one succeeds */
  trouble: HpcbinderError | undefined;

  constructor(directory: string, how: Opening = {}) {
    this.path = join(directory, FILE_NAME);
    this.#tell = how.tell ?? (() => {});
    if (how.mustExist && !existsSync(this.path))
      throw new HpcbinderError('E-STATE', {
        message: `there is no state in ${directory}`,
        hint: '`hpcbinder serve` makes it at its first start. --state DIR names another place.',
      });
    const words = stateDirectory(directory, how.disk);
    if (words) this.#tell(words);
    // before SQLite: its own mode would be 0644 less the umask, and that of -wal and -shm follows the file's
    if (!existsSync(this.path)) closeSync(openSync(this.path, 'a', 0o600));
    if ((statSync(this.path).mode & 0o077) !== 0)
      throw new HpcbinderError('E-STATE', {
        message: `others may read ${this.path}, and the keys of all sessions are in it`,
        hint: `chmod 600 ${this.path}; if others could log in to this machine meanwhile, stop the sessions: their keys may be known.`,
      });
    this.#database = this.#guarded(() => opened(this.path));
    try {
      this.#guarded(() => this.#prepare());
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  #prepare(): void {
    const version = Number(this.#database.pragma('user_version', { simple: true }));
    if (version > STEPS.length)
      throw new HpcbinderError('E-STATE', {
        message: `${this.path} is of a newer hpcbinder (its schema is ${version}, this one knows ${STEPS.length})`,
        hint: 'It was left as it is. Install that version again, or put the copy back that was made before the upgrade (hpcbinder.db.before-*).',
      });
    const found = this.#database.pragma('quick_check(1)', { simple: true });
    if (found !== 'ok') throw Object.assign(new Error(String(found)), { code: 'SQLITE_CORRUPT' });
    if (version < STEPS.length) this.#migrate(version);
  }

  /** Each step and its number in one transaction: killed in between, the next start goes on from there. */
  #migrate(from: number): void {
    if (from > 0) {
      const copy = `${this.path}.before-${STEPS.length}`;
      if (!existsSync(copy)) this.#copyTo(copy);
      this.#tell(`the state is brought from schema ${from} to ${STEPS.length}; as it was it is kept in ${copy}`);
    }
    for (const [index, step] of STEPS.entries()) {
      if (index < from) continue;
      this.#database
        .transaction(() => {
          // another process may have been faster
          if (Number(this.#database.pragma('user_version', { simple: true })) > index) return;
          this.#database.exec(step);
          this.#database.pragma(`user_version = ${index + 1}`);
        })
        .immediate();
    }
  }

  #copyTo(path: string): void {
    closeSync(openSync(path, 'wx', 0o600));
    this.#database.prepare('VACUUM INTO ?').run(path);
  }

  /** @returns rows that were changed */
  run(sql: string, ...values: Value[]): number {
    return this.#written(() => this.#statement(sql).run(...values).changes);
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    return this.#guarded(() => this.#statement(sql).get(...values));
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.#guarded(() => this.#statement(sql).all(...values));
  }

  /** All that `work` writes, or nothing; one wait for the disk however much it is. May be nested. */
  together<T>(work: () => T): T {
    return this.#written(() => this.#database.transaction(work).immediate());
  }

  /**
   * A whole copy of this moment, 0600, while others go on reading and writing.
   * @throws HpcbinderError E-STATE where there is a file already
   */
  backup(path: string): void {
    try {
      this.#copyTo(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST')
        throw new HpcbinderError('E-STATE', { message: `${path} is there already`, hint: 'Name a new file.' });
      throw stateFault(error, path);
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #statement(sql: string): Sqlite.Statement<Value[], Row> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare<Value[], Row>(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #written<T>(work: () => T): T {
    try {
      const result = this.#guarded(work);
      if (!this.#database.inTransaction) this.trouble = undefined;
      return result;
    } catch (error) {
      if (error instanceof HpcbinderError) this.trouble = error;
      throw error;
    }
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw stateFault(error, this.path);
    }
  }
}

function opened(path: string): Sqlite.Database {
  const database = new (library())(path, { timeout: BUSY_MS, fileMustExist: true });
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    // what was a secret is overwritten when it is deleted
    database.pragma('secure_delete = ON');
    database.pragma('trusted_schema = OFF');
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}
