/**
 * The copy of the records on this machine, so that `list` answers without connecting; and the story of each launch, also
 * of those that never became a job. 0600 in 0700 directories, temp + rename; an unreadable record is set aside, never fatal.
 */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { HpcbinderError } from '../core/errors.ts';
import { SESSION_ID } from '../core/ids.ts';
import { readRecord, type SessionRecord } from './records.ts';

export class LocalRecords {
  readonly #dir: string;
  constructor(stateDir: string) {
    this.#dir = join(stateDir, 'sessions');
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  #path(id: string): string {
    if (!SESSION_ID.test(id)) throw new HpcbinderError('E-INTERNAL', { message: `${id} is no session id` });
    return join(this.#dir, `${id}.json`);
  }

  /** An end is the last word: another process of ours may still hold an older record. */
  save(record: SessionRecord): void {
    const path = this.#path(record.id);
    if (record.phase !== 'ended' && this.#isOver(path)) return;
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600 });
    renameSync(temporary, path);
  }

  #isOver(path: string): boolean {
    if (!existsSync(path)) return false;
    const read = readRecord(readFileSync(path, 'utf8'));
    return read.kind === 'record' && read.record.phase === 'ended';
  }

  all(): SessionRecord[] {
    const records: SessionRecord[] = [];
    for (const name of readdirSync(this.#dir)) {
      const id = name.replace(/\.json$/, '');
      if (!name.endsWith('.json') || !SESSION_ID.test(id)) continue;
      const read = readRecord(readFileSync(join(this.#dir, name), 'utf8'));
      if (read.kind === 'record') records.push(read.record);
      else if (read.kind === 'unreadable') renameSync(join(this.#dir, name), join(this.#dir, `${name}.bak`));
    }
    return records.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  }

  /** One line of the launch's story. */
  tell(id: string, line: string): void {
    appendFileSync(this.logPath(id), `${line}\n`, { mode: 0o600 });
  }

  logPath(id: string): string {
    return this.#path(id).replace(/\.json$/, '.log');
  }

  log(id: string): string | undefined {
    return existsSync(this.logPath(id)) ? readFileSync(this.logPath(id), 'utf8') : undefined;
  }

  /** Launches that left a story: also those that never became a session. */
  stories(): string[] {
    const ids = readdirSync(this.#dir)
      .filter((name) => name.endsWith('.log'))
      .map((name) => name.slice(0, -'.log'.length));
    return ids.filter((id) => SESSION_ID.test(id));
  }

  /** The record goes, the story stays: `logs` tells it also of what was never submitted. */
  drop(id: string): void {
    rmSync(this.#path(id), { force: true });
  }

  forget(id: string): void {
    this.drop(id);
    rmSync(this.logPath(id), { force: true });
  }
}
