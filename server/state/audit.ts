/** Who launched, opened, stopped what. It is only added to; what others wrote in it is made harmless as it comes. */
import type { AuditLine } from '../../core/endpoint.ts';
import { harmless } from '../../core/text.ts';
import type { Row, StateFile, Value } from './file.ts';
import type { Later } from './later.ts';
import { iso, milliseconds } from './values.ts';

/** A line as it is kept: who (`-`: nobody known) did what (`launch`, `open`, `stop`, `sign-in`, …), and from which address. */
export type AuditEntry = AuditLine & { from?: string };

const MOST_READ = 1000;

export class Audit {
  readonly #file: StateFile;
  readonly #now: () => Date;
  readonly #later: Later;
  constructor(file: StateFile, now: () => Date, later: Later) {
    this.#file = file;
    this.#now = now;
    this.#later = later;
  }

  /**
   * Never throws: it tells of what has happened. On a full disk it waits in memory. Long texts are cut: the rest of a name of a
   * megabyte says nothing (WEB-21).
   */
  write(entry: Omit<AuditEntry, 'at'> & { at?: string }): void {
    const values = [
      entry.at === undefined ? this.#now().getTime() : milliseconds(entry.at),
      cut(entry.account, 64) ?? '-',
      cut(entry.action, 64) ?? '-',
      cut(entry.session, 64),
      cut(entry.launch, 64),
      cut(entry.from, 64),
      cut(entry.detail, 1000),
    ];
    const sql = 'INSERT INTO audit (at, account, action, session, launch, origin, detail) VALUES (?, ?, ?, ?, ?, ?, ?)';
    this.#later.write({ write: () => void this.#file.run(sql, ...values) });
  }

  /** Newest first; `since`: an ISO text, itself included; `limit`: a thousand where nothing is said. */
  read(which: { account?: string; session?: string; since?: string; limit?: number } = {}): AuditEntry[] {
    const where: [string, Value | undefined][] = [
      ['account = ?', which.account],
      ['session = ?', which.session],
      ['at >= ?', which.since === undefined ? undefined : milliseconds(which.since)],
    ];
    const asked = where.filter(([, value]) => value !== undefined);
    const sql = `SELECT * FROM audit ${asked.length > 0 ? `WHERE ${asked.map(([text]) => text).join(' AND ')}` : ''} ORDER BY number DESC LIMIT ?`;
    return this.#file.all(sql, ...asked.map(([, value]) => value ?? null), which.limit ?? MOST_READ).map(entryOf);
  }
}

function entryOf(row: Row): AuditEntry {
  const text = (name: string, value: Value | undefined) => (value == null ? {} : { [name]: String(value) });
  return {
    at: iso(row.at),
    account: String(row.account),
    action: String(row.action),
    ...text('session', row.session),
    ...text('launch', row.launch),
    ...text('from', row.origin),
    ...text('detail', row.detail),
  };
}

function cut(text: string | undefined, most: number): string | null {
  if (text === undefined || text === '') return null;
  const short = text.length > most ? `${text.slice(0, most)}…` : text;
  return harmless(short);
}
