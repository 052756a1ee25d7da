/**
 * The endpoint's state (DESIGN 11): sessions, launches, logins, tokens, audit and settings, in one SQLite file on a local disk.
 * Every call that writes has the rows on the disk when it returns, or throws E-STATE and has written nothing.
 */
import type { KeptSession, LaunchView } from '../../core/endpoint.ts';
import type { HpcbinderError } from '../../core/errors.ts';
import { alone } from './alone.ts';
import { Audit } from './audit.ts';
import { type Opening, StateFile } from './file.ts';
import { ImageRows } from './images.ts';
import { exportOf, forget, type Pruned, prune, RETENTION_DAYS } from './keeping.ts';
import { Later } from './later.ts';
import { LaunchRows } from './launches.ts';
import { type KeptRow, SessionRows, type Which } from './sessions.ts';
import { Settings } from './settings.ts';
import { Logins, Tokens } from './sign-in.ts';

export { type Pruned, RETENTION_DAYS } from './keeping.ts';
export { type LaunchEnded, LaunchEvents } from './launch-events.ts';
export { type Repaired, repair } from './repair.ts';
export type { KeptRow } from './sessions.ts';
export type { SettingValues } from './settings.ts';

export class State {
  readonly #file: StateFile;
  readonly #now: () => Date;
  readonly #sessions: SessionRows;
  readonly #launches: LaunchRows;
  readonly #later: Later;
  /** by id; on the disk as soon as there is room */
  readonly #waiting = new Map<string, KeptRow>();
  readonly logins: Logins;
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly settings: Settings;
  readonly images: ImageRows;
  #release: () => void = () => {};

  private constructor(file: StateFile, now: () => Date, tell: (words: string) => void) {
    this.#file = file;
    this.#now = now;
    this.#sessions = new SessionRows(file, tell);
    this.#launches = new LaunchRows(file);
    this.#later = new Later(file, tell);
    this.logins = new Logins(file, now, this.#later);
    this.tokens = new Tokens(file, now, this.#later);
    this.audit = new Audit(file, now, this.#later);
    this.settings = new Settings(file, now);
    this.images = new ImageRows(file, now, this.#later);
  }

  /**
   * @param directory `state_dir` of serve.yaml, made 0700 where it is not there; the file in it is `hpcbinder.db`
   * @param how.serving of `hpcbinder serve`: nobody else may serve from it meanwhile
   * @throws HpcbinderError E-STATE: on a network disk, of a newer version, damaged, of another user, or no better-sqlite3;
   *   E-LOCKED: another serves from it
   */
  static open(directory: string, how: Opening & { serving?: boolean } = {}): State {
    const file = new StateFile(directory, how);
    const state = new State(file, how.now ?? (() => new Date()), how.tell ?? (() => {}));
    try {
      if (how.serving) state.#release = alone(directory, how.patienceMs);
      return state;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Of the file. */
  get path(): string {
    return this.#file.path;
  }

  /** Why the last write failed, until one succeeds: for `/health` and the pages. */
  get trouble(): HpcbinderError | undefined {
    return this.#file.trouble;
  }

  /**
   * For `/health`: was the file removed (then it is put back) or replaced under us, and can what waits in memory be written?
   * @param probe writes in any case, to know of a full disk before somebody's click does: once a minute
   * @throws HpcbinderError E-STATE where it was replaced, or cannot be written
   */
  check(probe: boolean = false): void {
    this.#file.check();
    this.#later.flush();
    if (probe || this.trouble) this.settings.probe();
  }

  /** All that `work` writes, or nothing, with one wait for the disk: for a poll that moves 700 sessions. */
  together<T>(work: () => T): T {
    return this.#file.together(work);
  }

  /** What has not changed costs no write. An end is the last word, and takes the session's keys with it. */
  saveSession(record: KeptSession, of: Omit<KeptRow, 'record'>): void {
    this.#sessions.save(record, of);
  }

  /**
   * What was seen of a session or has been done to it: on a full disk it waits in memory, and is what `session` and `sessions`
   * answer. Never throws for that. What is about to be done goes through `saveSession`.
   */
  noteSession(record: KeptSession, of: Omit<KeptRow, 'record'>): void {
    const before = this.session(record.id);
    if (before) this.#sessions.mustOwn(before.account, of.account, record.id);
    if (before?.record.phase === 'ended' && record.phase !== 'ended') return;
    this.#waiting.set(record.id, { ...before, ...of, record });
    const about = record.id;
    const written = () => void this.#waiting.delete(about);
    this.#later.write({ write: () => this.#sessions.save(record, of), written, about });
  }

  session(id: string): KeptRow | undefined {
    return this.#waiting.get(id) ?? this.#sessions.one(id);
  }

  /** Newest first. */
  sessions(which: Which = {}): KeptRow[] {
    const rows = this.#sessions.list(which);
    if (this.#waiting.size === 0) return rows;
    const newest = rows.map((row) => this.#waiting.get(row.record.id) ?? row);
    return newest.filter(({ record }) => !which.live || record.phase !== 'ended');
  }

  saveLaunch(view: LaunchView): void {
    this.#launches.save(view);
  }

  /** Of one on its way: on a full disk it waits in memory. */
  noteLaunch(view: LaunchView): void {
    this.#later.write({ write: () => this.#launches.save(view), about: view.id });
  }

  launch(id: string): LaunchView | undefined {
    return this.#launches.one(id);
  }

  /** Newest first. */
  launches(which: { account?: string; running?: boolean; limit?: number } = {}): LaunchView[] {
    return this.#launches.list(which);
  }

  /** All that is kept of a person; no secret is in it. */
  exportOf(account: string): Record<string, unknown> {
    return exportOf(this.#file, account, this.#now());
  }

  /** @throws HpcbinderError E-SESSION-STATE naming what of theirs still runs */
  forget(account: string): void {
    forget(this.#file, account);
  }

  /** @returns how many rows of what were too old, and are gone; with `dry` they stay */
  prune(retentionDays: number = RETENTION_DAYS, dry: boolean = false): Pruned {
    return prune(this.#file, retentionDays, this.#now(), dry);
  }

  /** A whole copy, 0600, of this moment. @throws HpcbinderError E-STATE where the file is there */
  async backup(path: string): Promise<void> {
    this.#file.backup(path);
  }

  close(): void {
    this.#file.close();
    this.#release();
  }
}
