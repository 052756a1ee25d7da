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
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { HpcbinderError } from '../core/errors.ts';
import { SESSION_ID } from '../core/ids.ts';
import { readRecord, type SessionRecord } from './records.ts';

const MOST_STORY = 8 << 20;
const MOST_STORIES = 200;
const OLDEST_MS = 30 * 86_400_000;

/** The second half, from a line's beginning; how many bytes it has now. */
function shortened(path: string): number {
  const all = readFileSync(path);
  const from = all.indexOf(0x0a, all.length - MOST_STORY / 2) + 1;
  const kept = Buffer.concat([Buffer.from('(the older part was dropped)\n'), all.subarray(from)]);
  writeFileSync(path, kept, { mode: 0o600 });
  return kept.length;
}

export class LocalRecords {
  readonly #dir: string;
  readonly #sizes = new Map<string, number>();
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

  /** One line of the launch's story, of which the newest part is kept. */
  tell(id: string, line: string): void {
    const path = this.logPath(id);
    appendFileSync(path, `${line}\n`, { mode: 0o600 });
    const size = (this.#sizes.get(id) ?? statSync(path).size) + Buffer.byteLength(line) + 1;
    this.#sizes.set(id, size > MOST_STORY ? shortened(path) : size);
  }

  /** Stories of launches that never became a session: the old ones, and all but the newest. */
  tidy(now: Date): void {
    const alone = this.stories()
      .filter((id) => !existsSync(this.#path(id)))
      .map((id) => ({ id, at: statSync(this.logPath(id)).mtimeMs }))
      .sort((a, b) => b.at - a.at);
    for (const [n, { id, at }] of alone.entries())
      if (n >= MOST_STORIES || now.getTime() - at > OLDEST_MS) rmSync(this.logPath(id), { force: true });
  }

  logPath(id: string): string {
    return this.#path(id).replace(/\.json$/, '.log');
  }

  log(id: string): string | undefined {
    return existsSync(this.logPath(id)) ? readFileSync(this.logPath(id), 'utf8') : undefined;
  }

  /** When something was last told of it, in epoch milliseconds. */
  toldAt(id: string): number {
    return statSync(this.logPath(id)).mtimeMs;
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
