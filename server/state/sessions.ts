/** The sessions' rows. Secrets stand in a column of their own, which nothing but `session` and `sessions` reads. */
import type { KeptSession, LaunchGranted } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { SESSION_ID } from '../../core/ids.ts';
import type { SessionSecrets } from '../../core/session.ts';
import { readRecord } from '../../sessions/records.ts';
import type { Row, StateFile } from './file.ts';
import { json, milliseconds } from './values.ts';

/** A session as it is kept: whose, of which launch, and with what policy had granted. */
export type KeptRow = { record: KeptSession; account: string; launch?: string; granted?: LaunchGranted };

/** `endedSince`: epoch milliseconds. */
export type Which = { account?: string; live?: boolean; endedSince?: number; limit?: number };

/** After the end only the cookie's key is left: the session that goes on from this one has its address and its cookie. */
const SPENT: SessionSecrets = { ca: '', clientCert: '', clientKey: '', appToken: '', cookieKey: '' };

const MOST = 100_000;

export class SessionRows {
  readonly #file: StateFile;
  readonly #tell: (words: string) => void;
  constructor(file: StateFile, tell: (words: string) => void) {
    this.#file = file;
    this.#tell = tell;
  }

  /**
   * On the disk when it returns. What has not changed is not written again. An end is the last word, and the owner never changes.
   * @throws HpcbinderError E-STATE where it could not be kept: then nothing of it was
   */
  save(record: KeptSession, of: Omit<KeptRow, 'record'>): void {
    if (!SESSION_ID.test(record.id))
      throw new HpcbinderError('E-INTERNAL', { message: `${record.id} is no session id` });
    const { secrets, variables, ...open } = record;
    const ended = record.phase === 'ended';
    const kept = ended ? { ...SPENT, cookieKey: secrets.cookieKey } : secrets;
    const text = JSON.stringify(open);
    const secret = JSON.stringify({ secrets: kept, ...(variables && !ended ? { variables } : {}) });
    this.#file.together(() => {
      const before = this.#file.get(
        'SELECT account, phase, record, secrets, launch, granted FROM sessions WHERE id = ?',
        record.id,
      );
      if (before) this.mustOwn(String(before.account), of.account, record.id);
      if (before?.phase === 'ended' && !ended) return;
      const launch = of.launch ?? before?.launch ?? null;
      const granted = of.granted ? JSON.stringify(of.granted) : (before?.granted ?? null);
      if (
        before?.record === text &&
        before.secrets === secret &&
        before.launch === launch &&
        before.granted === granted
      )
        return;
      this.#file.run(
        `INSERT INTO sessions (id, account, cluster, phase, launch, created, ended, record, granted, secrets)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET cluster = excluded.cluster, phase = excluded.phase, launch = excluded.launch,
           ended = excluded.ended, record = excluded.record, granted = excluded.granted, secrets = excluded.secrets`,
        record.id,
        of.account,
        record.cluster,
        record.phase,
        launch,
        milliseconds(record.createdAt),
        record.ended ? milliseconds(record.ended.at) : null,
        text,
        granted,
        secret,
      );
    });
  }

  mustOwn(owner: string, account: string, id: string): void {
    if (owner !== account) throw new HpcbinderError('E-INTERNAL', { message: `${id} is not a session of ${account}` });
  }

  one(id: string): KeptRow | undefined {
    const row = this.#file.get('SELECT * FROM sessions WHERE id = ?', id);
    return row && this.#read(row);
  }

  /** Newest first. */
  list(which: Which): KeptRow[] {
    const where = [
      which.account === undefined ? '' : 'account = ?',
      which.live ? "phase <> 'ended'" : '',
      which.endedSince === undefined ? '' : 'ended >= ?',
    ].filter(Boolean);
    const sql = `SELECT * FROM sessions ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY created DESC, id LIMIT ?`;
    const values = [which.account, which.endedSince].filter((value) => value !== undefined);
    return this.#file.all(sql, ...values, which.limit ?? MOST).flatMap((row) => this.#read(row) ?? []);
  }

  #read(row: Row): KeptRow | undefined {
    const read = readRecord(String(row.record));
    const secrets = json(row.secrets) as Pick<KeptSession, 'secrets' | 'variables'> | undefined;
    if (read.kind !== 'record' || secrets === undefined) {
      this.#tell(`the record of ${row.id} cannot be read, and was left out`);
      return undefined;
    }
    const granted = json(row.granted) as LaunchGranted | undefined;
    return {
      record: { ...read.record, ...secrets },
      account: String(row.account),
      ...(row.launch === null ? {} : { launch: String(row.launch) }),
      ...(granted === undefined ? {} : { granted }),
    };
  }
}
