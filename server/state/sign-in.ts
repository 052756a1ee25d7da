/** Who is signed in, and whose API tokens are good. Only hashes are kept: who reads this file cannot sign in with it (TOK-11). */
import { randomBytes } from 'node:crypto';
import { ROLES, type Role, SCOPES, type Scope, type TokenView, type User, type UserRow } from '../../core/endpoint.ts';
import { harmless } from '../../core/text.ts';
import type { Row, StateFile } from './file.ts';
import type { Later } from './later.ts';
import { iso, json, milliseconds } from './values.ts';

/** A clock that went back by more makes an age unknowable: then one signs in again. */
const BACK_MS = 10 * 60_000;

/** Browsers that one account is signed in with; the longest signed in makes room. */
const MOST_LOGINS = 50;

const MOST_USERS = 100_000;

/** Times are ISO texts by this machine's clock. */
export type Login = { user: User; xsrf: string; expires: string };
export type Token = {
  id: string;
  account: string;
  shown: string;
  roles: readonly Role[];
  scopes: readonly Scope[];
  expires: string;
};

export class Logins {
  readonly #file: StateFile;
  /** hashes of those that are over, and on a full disk still in the file */
  readonly #over = new Set<string>();
  readonly #now: () => Date;
  readonly #later: Later;
  constructor(file: StateFile, now: () => Date, later: Later) {
    this.#file = file;
    this.#now = now;
    this.#later = later;
  }

  /** @param how.id the hash of what the browser holds; `expires`: ISO; `from`: the address */
  create(user: User, how: { id: string; xsrf: string; expires: string; from?: string }): void {
    const now = this.#now().getTime();
    this.#file.together(() => {
      this.#file.run(
        `INSERT INTO users (account, shown, roles, first, last) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (account) DO UPDATE SET shown = excluded.shown, roles = excluded.roles, last = excluded.last`,
        user.account,
        harmless(user.shown),
        JSON.stringify(user.roles),
        now,
        now,
      );
      this.#file.run('DELETE FROM logins WHERE expires <= ?', now);
      this.#file.run(
        'INSERT INTO logins (hash, account, user, xsrf, created, expires, origin) VALUES (?, ?, ?, ?, ?, ?, ?)',
        how.id,
        user.account,
        JSON.stringify(user),
        how.xsrf,
        now,
        milliseconds(how.expires),
        how.from ?? null,
      );
      this.#file.run(
        `DELETE FROM logins WHERE account = ? AND hash NOT IN
           (SELECT hash FROM logins WHERE account = ? ORDER BY created DESC, hash = ? DESC LIMIT ?)`,
        user.account,
        user.account,
        how.id,
        MOST_LOGINS,
      );
    });
  }

  get(hash: string): Login | undefined {
    if (this.#over.has(hash)) return undefined;
    const now = this.#now().getTime();
    const row = this.#file.get('SELECT user, xsrf, created, expires FROM logins WHERE hash = ?', hash);
    if (!row || Number(row.expires) <= now || Number(row.created) > now + BACK_MS) return undefined;
    return { user: json(row.user) as User, xsrf: String(row.xsrf), expires: iso(row.expires) };
  }

  /** At once, on a full disk too. */
  end(hash: string): void {
    this.#over.add(hash);
    this.#later.write({
      write: () => void this.#file.run('DELETE FROM logins WHERE hash = ?', hash),
      written: () => void this.#over.delete(hash),
    });
  }

  /** @returns how many there were */
  endAll(account: string): number {
    return this.#file.run('DELETE FROM logins WHERE account = ?', account);
  }

  /** As whom this account has come in, as far as it is kept: at the last sign-in, by logins and by tokens. */
  identities(account: string): string[] {
    const rows = this.#file.all(
      `SELECT shown FROM users WHERE account = ? UNION SELECT shown FROM tokens WHERE account = ?
       UNION SELECT json_extract(user, '$.shown') FROM logins WHERE account = ?`,
      account,
      account,
      account,
    );
    return rows.map((row) => String(row.shown));
  }

  /** Who has ever signed in, last first, with how many sessions and logins are theirs. */
  users(limit = MOST_USERS): UserRow[] {
    const rows = this.#file.all(
      `SELECT *, (SELECT count(*) FROM sessions WHERE sessions.account = users.account) AS sessions,
         (SELECT count(*) FROM sessions WHERE sessions.account = users.account AND phase <> 'ended') AS live,
         (SELECT count(*) FROM logins WHERE logins.account = users.account AND expires > ?) AS logins
       FROM (SELECT * FROM users ORDER BY last DESC, account LIMIT ?) AS users ORDER BY last DESC, account`,
      this.#now().getTime(),
      limit,
    );
    return rows.map((row) => ({
      account: String(row.account),
      shown: String(row.shown),
      roles: wordsOf(ROLES, row.roles),
      firstAt: iso(row.first),
      lastAt: iso(row.last),
      live: Number(row.live),
      sessions: Number(row.sessions),
      logins: Number(row.logins),
    }));
  }
}

export class Tokens {
  readonly #file: StateFile;
  readonly #now: () => Date;
  readonly #later: Later;
  constructor(file: StateFile, now: () => Date, later: Later) {
    this.#file = file;
    this.#now = now;
    this.#later = later;
  }

  /** @returns its id, which is no secret */
  create(token: {
    account: string;
    shown?: string;
    hash: string;
    name: string;
    scopes: readonly Scope[];
    expires: string;
  }): string {
    const id = `tk-${randomBytes(5).toString('hex')}`;
    this.#file.run(
      'INSERT INTO tokens (id, account, shown, hash, name, scopes, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      id,
      token.account,
      harmless(token.shown ?? token.account),
      token.hash,
      harmless(token.name).slice(0, 200),
      JSON.stringify(token.scopes),
      this.#now().getTime(),
      milliseconds(token.expires),
    );
    return id;
  }

  /** Where it has not expired. Roles are those of the last sign-in: whoever asks holds them against policy. */
  find(hash: string): Token | undefined {
    const now = this.#now().getTime();
    const row = this.#file.get(
      `SELECT tokens.id, tokens.account, tokens.shown, roles, scopes, created, expires
       FROM tokens LEFT JOIN users ON users.account = tokens.account WHERE hash = ?`,
      hash,
    );
    if (!row || Number(row.expires) <= now || Number(row.created) > now + BACK_MS) return undefined;
    return {
      id: String(row.id),
      account: String(row.account),
      shown: String(row.shown),
      roles: wordsOf(ROLES, row.roles),
      scopes: wordsOf(SCOPES, row.scopes),
      expires: iso(row.expires),
    };
  }

  /** Of one account, newest first; the expired ones too. */
  list(account: string): TokenView[] {
    return this.#file.all('SELECT * FROM tokens WHERE account = ? ORDER BY created DESC, id', account).map(shown);
  }

  /** Everybody's, for admins. */
  all(): (TokenView & { account: string })[] {
    const rows = this.#file.all('SELECT * FROM tokens ORDER BY account, created DESC, id');
    return rows.map((row) => ({ account: String(row.account), ...shown(row) }));
  }

  /** @returns whether there was such a one of this account */
  revoke(account: string, id: string): boolean {
    return this.#file.run('DELETE FROM tokens WHERE account = ? AND id = ?', account, id) > 0;
  }

  /** Remembers the use, to the minute: no wait for the disk at each request. */
  used(id: string): void {
    const now = this.#now().getTime();
    const sql = 'UPDATE tokens SET used = ? WHERE id = ? AND (used IS NULL OR abs(? - used) >= 60000)';
    // a token is good on a full disk too
    this.#later.write({ write: () => void this.#file.run(sql, now, id, now), about: `used ${id}` });
  }
}

function shown(row: Row): TokenView {
  return {
    id: String(row.id),
    name: String(row.name),
    scopes: wordsOf(SCOPES, row.scopes),
    createdAt: iso(row.created),
    expires: iso(row.expires),
    ...(row.used === null ? {} : { usedAt: iso(row.used) }),
  };
}

/** Only those that this version knows. */
function wordsOf<T extends string>(known: readonly T[], text: unknown): T[] {
  const value = json(text);
  return Array.isArray(value) ? known.filter((word) => value.includes(word)) : [];
}
