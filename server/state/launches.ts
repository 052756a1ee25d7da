/** The launches' rows: what the progress page shows, also after a restart. */
import type { LaunchView } from '../../core/endpoint.ts';
import type { StateFile } from './file.ts';
import { json, milliseconds } from './values.ts';

const MOST = 100_000;

export class LaunchRows {
  readonly #file: StateFile;
  constructor(file: StateFile) {
    this.#file = file;
  }

  save(view: LaunchView): void {
    this.#file.run(
      `INSERT INTO launches (id, account, state, session, started, view) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, session = excluded.session, view = excluded.view
         WHERE account = excluded.account AND view <> excluded.view`,
      view.id,
      view.account,
      view.state,
      view.session ?? null,
      milliseconds(view.startedAt),
      JSON.stringify(view),
    );
  }

  one(id: string): LaunchView | undefined {
    return json(this.#file.get('SELECT view FROM launches WHERE id = ?', id)?.view) as LaunchView | undefined;
  }

  /** Newest first. */
  list(which: { account?: string; running?: boolean; limit?: number }): LaunchView[] {
    const where = [which.account === undefined ? '' : 'account = ?', which.running ? "state = 'running'" : ''].filter(
      Boolean,
    );
    const sql = `SELECT view FROM launches ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY started DESC, id LIMIT ?`;
    const values = which.account === undefined ? [] : [which.account];
    return this.#file.all(sql, ...values, which.limit ?? MOST).map((row) => json(row.view) as LaunchView);
  }
}
