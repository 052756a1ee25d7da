/** How long what is kept, and what a person may have and take away of it. */
import { HpcbinderError } from '../../core/errors.ts';
import type { StateFile } from './file.ts';
import { iso, json } from './values.ts';

const DAY_MS = 86_400_000;
export const RETENTION_DAYS = 180;
/** A clock that runs ahead must not take everything away: retention counts from at most so long after what was last written. */
const AHEAD_MS = 31 * DAY_MS;

export type Pruned = Record<'sessions' | 'launches' | 'images' | 'builds' | 'logins' | 'tokens' | 'audit', number>;

const TOO_OLD: readonly (readonly [keyof Pruned, string])[] = [
  ['sessions', "phase = 'ended' AND coalesce(ended, created) < ?"],
  ['launches', "state <> 'running' AND started < ?"],
  ['images', 'used < ?'],
  ['builds', 'ended IS NOT NULL AND asked < ?'],
  ['logins', 'expires < ?'],
  ['tokens', 'expires < ?'],
  ['audit', 'at < ?'],
];

/**
 * Removes what is older than so many days: ended sessions by their end, launches that are over, images that were not used since, builds, logins and tokens by their
 * expiry, the audit log by its time. Live sessions stay, however old. `dry`: only counts.
 */
export function prune(file: StateFile, days: number, now: Date, dry: boolean): Pruned {
  return file.together(() => {
    const newest = Number(
      file.get(`SELECT max(coalesce((SELECT max(at) FROM audit), 0), coalesce((SELECT max(created) FROM sessions), 0),
        coalesce((SELECT max(last) FROM users), 0)) AS at`)?.at,
    );
    const before = Math.min(now.getTime(), newest + AHEAD_MS) - days * DAY_MS;
    const pruned: Pruned = { sessions: 0, launches: 0, images: 0, builds: 0, logins: 0, tokens: 0, audit: 0 };
    for (const [table, where] of TOO_OLD)
      pruned[table] = dry
        ? Number(file.get(`SELECT count(*) AS n FROM ${table} WHERE ${where}`, before)?.n)
        : file.run(`DELETE FROM ${table} WHERE ${where}`, before);
    return pruned;
  });
}

/** All that is kept of a person, for themselves: no key, no hash, no token. Times are ISO texts. */
export function exportOf(file: StateFile, account: string, now: Date): Record<string, unknown> {
  const user = file.get('SELECT shown, roles, first, last FROM users WHERE account = ?', account);
  return {
    schema: 1,
    account,
    exportedAt: now.toISOString(),
    ...(user
      ? { user: { shown: user.shown, roles: json(user.roles), first: iso(user.first), last: iso(user.last) } }
      : {}),
    sessions: file
      .all('SELECT record, launch, granted FROM sessions WHERE account = ? ORDER BY created, id', account)
      .map((row) => ({ ...(json(row.record) as object), launch: row.launch, granted: json(row.granted) ?? null })),
    launches: file
      .all('SELECT view FROM launches WHERE account = ? ORDER BY started, id', account)
      .map((row) => json(row.view)),
    images: file
      .all('SELECT * FROM images WHERE account = ? ORDER BY used, repository, commit_id, platform', account)
      .map(({ cluster, repository, commit_id: commit, platform, image: key, bytes, built, used }) => ({
        ...{ cluster, repository, commit, platform, key, bytes },
        built: iso(built),
        used: iso(used),
      })),
    builds: file
      .all('SELECT * FROM builds WHERE account = ? ORDER BY asked, session', account)
      .map(({ session, cluster, repository, state, asked }) => ({
        ...{ session, cluster, repository, state },
        asked: iso(asked),
      })),
    logins: file
      .all('SELECT created, expires, origin FROM logins WHERE account = ? ORDER BY created', account)
      .map((row) => ({ at: iso(row.created), expires: iso(row.expires), from: row.origin })),
    tokens: file
      .all('SELECT id, name, scopes, created, expires, used FROM tokens WHERE account = ? ORDER BY created', account)
      .map((row) => ({
        id: row.id,
        name: row.name,
        scopes: json(row.scopes),
        created: iso(row.created),
        expires: iso(row.expires),
        used: row.used === null ? null : iso(row.used),
      })),
    audit: file
      .all('SELECT at, action, session, launch, origin, detail FROM audit WHERE account = ? ORDER BY number', account)
      .map(({ at, action, session, launch, origin, detail }) => ({
        at: iso(at),
        action,
        session,
        launch,
        from: origin,
        detail,
      })),
  };
}

/**
 * Removes a person's sessions, launches, logins and tokens. The audit log is the site's: its lines stay until they are too old.
 * @throws HpcbinderError E-SESSION-STATE where a session of theirs lives or a launch runs, naming them; nothing is removed then
 */
export function forget(file: StateFile, account: string): void {
  file.together(() => {
    const live = file
      .all(
        "SELECT id FROM sessions WHERE account = ? AND phase <> 'ended' UNION ALL SELECT id FROM launches WHERE account = ? AND state = 'running'",
        account,
        account,
      )
      .map((row) => String(row.id));
    if (live.length > 0)
      throw new HpcbinderError('E-SESSION-STATE', {
        message: `${account} still has ${live.join(', ')}`,
        hint: 'Stop these first: what runs is not forgotten.',
        next: ['hpcbinder', 'admin', 'sessions', '--user', account],
      });
    for (const table of ['sessions', 'launches', 'images', 'builds', 'logins', 'tokens', 'users'])
      file.run(`DELETE FROM ${table} WHERE account = ?`, account);
  });
}
