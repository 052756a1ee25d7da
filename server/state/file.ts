/**
 * The one file of the endpoint's state, 0600 in a 0700 directory: looked at, brought to this version, written durably (F-44). WAL
 * with `synchronous=FULL`: what a call has returned from is on the disk, whatever is killed after it.
 */
import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type Sqlite from 'better-sqlite3';
import { HpcbinderError } from '../../core/errors.ts';
import { copyTo, putCopy } from './copy.ts';
import { type Disk, stateDirectory } from './disk.ts';
import { stateFault } from './faults.ts';
import { library } from './library.ts';
import { migrate, upToDate } from './migrate.ts';

export const FILE_NAME = 'hpcbinder.db';

/** How long a write waits for that of another process. It holds up all that the endpoint serves, for SQLite is called in line. */
const PATIENCE_MS = 500;
/** The log beside the file is cut back to so much after a burst. */
const MOST_LOG_BYTES = 64 << 20;

export type Opening = {
  now?: () => Date;
  /** what the admin should know and nothing fails of */
  tell?: (words: string) => void;
  disk?: Disk;
  /** of `hpcbinder admin`, beside a server that may run: it makes no state, and brings none to another version */
  beside?: boolean;
  /** for other processes */
  patienceMs?: number;
};

/** A value of a column, and of a parameter. */
export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

export class StateFile {
  readonly path: string;
  readonly #tell: (words: string) => void;
  readonly #patienceMs: number;
  readonly #statements = new Map<string, Sqlite.Statement<Value[], Row>>();
  #database: Sqlite.Database;
  #inode: number;
  /** why the last write failed, until one succeeds */
  trouble: HpcbinderError | undefined;

  constructor(named: string, how: Opening = {}) {
    const directory = resolve(named);
    this.path = join(directory, FILE_NAME);
    this.#tell = how.tell ?? (() => {});
    this.#patienceMs = how.patienceMs ?? PATIENCE_MS;
    if (how.beside && !existsSync(this.path))
      throw new HpcbinderError('E-STATE', {
        message: `there is no state in ${directory}`,
        hint: '`hpcbinder serve` makes it at its first start. --state DIR names another place.',
      });
    const words = stateDirectory(directory, how.disk);
    if (words) this.#tell(words);
    // before SQLite: its own mode would be 0644 less the umask, and that of -wal and -shm follows the file's
    if (!existsSync(this.path)) closeSync(openSync(this.path, 'a', 0o600));
    const { mode, ino } = statSync(this.path);
    if ((mode & 0o077) !== 0)
      throw new HpcbinderError('E-STATE', {
        message: `others may read ${this.path}, and the keys of all sessions are in it`,
        hint: `chmod 600 ${this.path}; if others could log in to this machine meanwhile, stop the sessions: their keys may be known.`,
      });
    this.#inode = ino;
    this.#database = this.#opened(how.beside ? upToDate : migrate);
  }

  #opened(look: typeof migrate): Sqlite.Database {
    return this.#guarded(() => {
      const database = new (library())(this.path, { timeout: this.#patienceMs, fileMustExist: true });
      try {
        database.pragma('journal_mode = WAL');
        database.pragma('synchronous = FULL');
        database.pragma(`journal_size_limit = ${MOST_LOG_BYTES}`);
        database.pragma('foreign_keys = ON');
        // what was a secret is overwritten when it is deleted
        database.pragma('secure_delete = ON');
        database.pragma('trusted_schema = OFF');
        look(database, this.path, this.#tell);
        return database;
      } catch (error) {
        database.close();
        throw error;
      }
    });
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
   * @throws HpcbinderError E-STATE where there is something already, or it could not be written
   */
  backup(path: string): void {
    putCopy(this.#database, path);
  }

  /**
   * Is the file still the one that was opened? What is written to a removed one is gone at the next start, without an error:
   * it is put back whole from what is open.
   * @throws HpcbinderError E-STATE where another was put in its place
   */
  check(): void {
    const ino = statSync(this.path, { throwIfNoEntry: false })?.ino;
    if (ino === this.#inode) return;
    if (ino !== undefined) {
      this.trouble = new HpcbinderError('E-STATE', {
        message: `${this.path} was replaced while it was open; what happens now is written to the old one and lost`,
        hint: 'Restart hpcbinder serve. Stop it before a copy is put in place.',
      });
      throw this.trouble;
    }
    const copy = `${this.path}.again`;
    rmSync(copy, { force: true });
    this.#guarded(() => copyTo(this.#database, copy));
    this.close();
    // a log that was left behind would be taken for that of the new file
    for (const end of ['-wal', '-shm']) rmSync(`${this.path}${end}`, { force: true });
    renameSync(copy, this.path);
    this.#inode = statSync(this.path).ino;
    this.#database = this.#opened(migrate);
    this.#tell(`${this.path} had been removed: it was written again, and nothing is lost`);
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
      if (error instanceof HpcbinderError && error.code === 'E-STATE') this.trouble = error;
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
