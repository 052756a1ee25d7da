/**
 * API tokens: `hpct_`, 256 bits, and a checksum by which a scanner or a typo is told without asking anybody. Shown once; only
 * the hash is kept, and it is looked up by equality of the hash, so no time tells how much was guessed (SECURITY TOK-10).
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { sha256 } from '../../core/canonical.ts';
import type { Scope, User } from '../../core/endpoint.ts';
import { type AccountRules, scopesOf, userOf } from './accounts.ts';
import type { SignInState } from './types.ts';

const PREFIX = 'hpct_';
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const FORM = /^hpct_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

export function newToken(): string {
  const body = base62(randomBytes(32), 43);
  return `${PREFIX}${body}${checksum(body)}`;
}

export function isToken(text: string): boolean {
  const [, body, sum] = FORM.exec(text) ?? [];
  return body !== undefined && sum === checksum(body);
}

function checksum(body: string): string {
  return base62(Buffer.from(sha256(body), 'hex').subarray(0, 4), 6);
}

function base62(bytes: Uint8Array, digits: number): string {
  let number = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (let i = 0; i < digits; i++) {
    text = (DIGITS[Number(number % 62n)] ?? '0') + text;
    number /= 62n;
  }
  return text;
}

/** An admin is one by a token of that scope alone: a narrow one reaches the maker's own things. */
function asFarAs(scopes: readonly Scope[], user: User): User {
  return scopes.includes('admin') ? user : { ...user, roles: user.roles.filter((role) => role !== 'admin') };
}

/** What stands after `Bearer`, or undefined where there is no such header. */
export function bearerOf(req: IncomingMessage): string | undefined {
  return /^bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1];
}

export type Bearer = { id: string; hash: string; user: User; scopes: readonly Scope[] };

export class Tokens {
  readonly #state: SignInState['tokens'];
  readonly #accounts: () => AccountRules;
  readonly #now: () => number;

  constructor(state: SignInState['tokens'], accounts: () => AccountRules, now: () => number) {
    this.#state = state;
    this.#accounts = accounts;
    this.#now = now;
  }

  /** The bearer, if the token is alive and the rules still give its maker the same account. Scopes never exceed the role, nor the role the scopes. */
  find(text: string): Bearer | undefined {
    const bearer = isToken(text) ? this.#read(sha256(text)) : undefined;
    if (bearer === undefined) return undefined;
    try {
      this.#state.used(bearer.id);
    } catch {
      // When it was used is not worth a refusal; the state says itself what is wrong with it.
    }
    return bearer;
  }

  /** Whose token has this hash, if it is alive. Nobody's while the state's disk fails. */
  userOf(hash: string): User | undefined {
    try {
      return this.#read(hash)?.user;
    } catch {
      return undefined;
    }
  }

  /** While the state's disk fails, what goes on goes on. */
  alive(hash: string): boolean {
    try {
      return this.#read(hash) !== undefined;
    } catch {
      return true;
    }
  }

  #read(hash: string): Bearer | undefined {
    const found = this.#state.find(hash);
    if (found === undefined || Date.parse(found.expires) <= this.#now()) return undefined;
    const user = userOf(this.#accounts(), found.shown);
    if (user?.account !== found.account) return undefined;
    const most = scopesOf(user.roles);
    const scopes = found.scopes.filter((scope) => most.includes(scope));
    return { id: found.id, hash, user: asFarAs(scopes, user), scopes };
  }

  /** The token's text, which is nowhere else from now on. */
  create(user: User, of: { name: string; scopes: readonly Scope[]; expires: string }): { id: string; token: string } {
    const token = newToken();
    const id = this.#state.create({ account: user.account, shown: user.shown, hash: sha256(token), ...of });
    return { id, token };
  }
}
