/** Browser logins: one random cookie each, of which only the hash is kept (SECURITY TOK-09, TOK-11). */
import { randomBytes } from 'node:crypto';
import { sha256 } from '../../core/canonical.ts';
import type { User } from '../../core/endpoint.ts';
import { type AccountRules, userOf } from './accounts.ts';
import type { SignInState } from './types.ts';

/** How long an answer of the state is good: a login that another process ended is over after this. */
const FRESH_MILLISECONDS = 2000;
/** Logins whose last use is remembered; one that is forgotten counts as used just now, as all do after a restart. */
const MAX_REMEMBERED = 20_000;

export type Login = { hash: string; user: User; xsrf: string };
type Remembered = { login: Login; expires: number; readAt: number; usedAt: number };

export class Logins {
  readonly #remembered = new Map<string, Remembered>();
  readonly #with: LoginsWith;

  constructor(how: LoginsWith) {
    this.#with = how;
  }

  /** Always a new secret, whatever the browser had before (session fixation). */
  create(user: User, from: string): { secret: string; xsrf: string } {
    const secret = randomBytes(32).toString('base64url');
    const xsrf = randomBytes(32).toString('base64url');
    const expires = new Date(this.#with.now() + this.#with.maxSeconds * 1000).toISOString();
    this.#with.state.create(user, { id: sha256(secret), xsrf, expires, from });
    return { secret, xsrf };
  }

  bySecret(secret: string): Login | undefined {
    return this.get(sha256(secret));
  }

  /** The login, if it is alive, and if the rules still give its identity the same account. This is a use of it. */
  get(hash: string): Login | undefined {
    const entry = this.#alive(hash);
    if (entry !== undefined) entry.usedAt = this.#with.now();
    return entry?.login;
  }

  /** Is it still alive? To ask is no use of it. */
  alive(hash: string): boolean {
    return this.#alive(hash) !== undefined;
  }

  end(hash: string): void {
    this.#with.state.end(hash);
    this.#remembered.delete(hash);
  }

  endSecret(secret: string): void {
    this.end(sha256(secret));
  }

  endAll(account: string): void {
    this.#with.state.endAll(account);
    for (const [hash, { login }] of this.#remembered) if (login.user.account === account) this.#remembered.delete(hash);
  }

  #alive(hash: string): Remembered | undefined {
    const known = this.#remembered.get(hash);
    const entry = this.#current(hash, known);
    if (entry === undefined) {
      // where it was remembered, another process has ended it
      this.#remembered.delete(hash);
      return undefined;
    }
    const now = this.#with.now();
    const user = userOf(this.#with.accounts(), entry.login.user.shown);
    const idle = now - entry.usedAt > this.#with.idleSeconds * 1000;
    if (!idle && now < entry.expires && user?.account === entry.login.user.account) {
      // a role that was given or taken since
      entry.login = { ...entry.login, user };
      return entry;
    }
    try {
      this.end(hash);
    } catch {
      // It is not written down, so it stays remembered as over. The state says itself what is wrong with it.
    }
    return undefined;
  }

  #current(hash: string, known: Remembered | undefined): Remembered | undefined {
    const now = this.#with.now();
    if (known !== undefined && Math.abs(now - known.readAt) < FRESH_MILLISECONDS) return known;
    let found: ReturnType<SignInState['logins']['get']>;
    try {
      found = this.#with.state.get(hash);
    } catch {
      // Who is in stays in while the state's disk fails, nobody else comes in.
      return known;
    }
    if (found === undefined) return undefined;
    const login = { hash, user: found.user, xsrf: found.xsrf };
    const entry = { login, expires: Date.parse(found.expires), readAt: now, usedAt: known?.usedAt ?? now };
    this.#remembered.set(hash, entry);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    return entry;
  }
}

export type LoginsWith = {
  state: SignInState['logins'];
  accounts: () => AccountRules;
  idleSeconds: number;
  maxSeconds: number;
  /** epoch milliseconds */
  now: () => number;
};
