/** Who launched, opened, stopped what. It is only added to; what others wrote in it is made harmless as it comes. */
import { harmless } from '../../core/text.ts';
import type { Row, StateFile, Value } from './file.ts';

/** A line of it. Times are epoch milliseconds. */
export type AuditEntry = {
  at: number;
  /** who did it; `-` for nobody known */
  account: string;
  /** `launch`, `open`, `stop`, `sign-in`, … */
  action: string;
  session?: string;
  launch?: string;
  /** the address it came from */
  from?: string;
  detail?: string;
};

const MOST_READ = 1000;

export class Audit {
  readonly #file: StateFile;
  readonly #now: () => Date;
  constructor(file: StateFile, now: () => Date) {
    this.#file = file;
    this.#now = now;
  }

  /** On the disk when it returns. Long texts are cut: the rest of a name of a megabyte says nothing (WEB-21). */
  write(entry: Omit<AuditEntry, 'at'> & { at?: number }): void {
    this.#file.run(
      'INSERT INTO audit (at, account, action, session, launch, origin, detail) VALUES (?, ?, ?, ?, ?, ?, ?)',
      entry.at ?? this.#now().getTime(),
      cut(entry.account, 64) ?? '-',
      cut(entry.action, 64) ?? '-',
      cut(entry.session, 64),
      cut(entry.launch, 64),
      cut(entry.from, 64),
      cut(entry.detail, 1000),
    );
  }

  /** Newest first; `since`: epoch milliseconds; `limit`: a thousand where nothing is said. */
  read(which: { account?: string; session?: string; since?: number; limit?: number } = {}): AuditEntry[] {
    const where: [string, Value | undefined][] = [
      ['account = ?', which.account],
      ['session = ?', which.session],
      ['at >= ?', which.since],
    ];
    const asked = where.filter(([, value]) => value !== undefined);
    const sql = `SELECT * FROM audit ${asked.length > 0 ? `WHERE ${asked.map(([text]) => text).join(' AND ')}` : ''} ORDER BY number DESC LIMIT ?`;
    return this.#file.all(sql, ...asked.map(([, value]) => value ?? null), which.limit ?? MOST_READ).map(entryOf);
  }
}

function entryOf(row: Row): AuditEntry {
  const text = (name: string, value: Value | undefined) => (value == null ? {} : { [name]: String(value) });
  return {
    at: Number(row.at),
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
