/** Making and revoking API tokens, for the API and for the page's forms alike. */
import { SCOPES, type TokenView } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { scopesOf } from './accounts.ts';
import type { Tokens } from './tokens.ts';
import type { SignInState, TokenWanted, Who } from './types.ts';

/** Live ones of an account. */
const MOST_TOKENS = 20;
const DEFAULT_SECONDS = 30 * 86_400;
export const LEAST_SECONDS = 60;
export const LONGEST_NAME = 100;

export class TokenDesk {
  readonly #with: TokenDeskWith;

  constructor(how: TokenDeskWith) {
    this.#with = how;
  }

  /** A token cannot make another one, so that what leaks ends when it expires. */
  make(who: Who, wanted: TokenWanted, from: string): { token: string; view: TokenView } {
    const { tokens, state, mostSeconds, audit } = this.#with;
    const { account, roles } = who.user;
    if (who.via !== 'login') throw refused('a token cannot make a token', 'Sign in with a browser.');
    const name = wanted.name.trim();
    if (name === '' || name.length > LONGEST_NAME) throw refused(`a name of 1 to ${LONGEST_NAME} characters is needed`);
    const scopes = SCOPES.filter((scope) => wanted.scopes.includes(scope));
    if (scopes.length === 0) throw refused('it would be allowed nothing', `Scopes: ${scopesOf(roles).join(', ')}.`);
    const over = scopes.find((scope) => !scopesOf(roles).includes(scope));
    if (over !== undefined) throw refused(`your account may not have the scope "${over}"`);
    const seconds = wanted.seconds ?? Math.min(mostSeconds, DEFAULT_SECONDS);
    if (!Number.isSafeInteger(seconds) || seconds < LEAST_SECONDS)
      throw refused(`a token lives for ${LEAST_SECONDS} s at least`);
    if (seconds > mostSeconds) throw refused(`tokens live at most ${Math.floor(mostSeconds / 86_400)} days here`);
    const now = this.#with.now();
    const living = state.list(account).filter(({ expires }) => Date.parse(expires ?? '') > now);
    if (living.length >= MOST_TOKENS)
      throw refused(`you have ${MOST_TOKENS} tokens, the most there may be`, 'Revoke one first.');
    const expires = new Date(now + seconds * 1000).toISOString();
    const { id, token } = tokens.create(who.user, { name, scopes, expires });
    audit.write({ account, action: 'token-create', from, detail: `${id} ${scopes.join(',')}` });
    return { token, view: { id, name, scopes, createdAt: new Date(now).toISOString(), expires } };
  }

  /** A token may end itself, and no other. */
  revoke(who: Who, id: string, from: string): void {
    if (who.via === 'token' && who.token !== id) throw refused('a token cannot revoke another one');
    if (!this.#with.state.revoke(who.user.account, id)) throw refused('you have no such token');
    this.#with.audit.write({ account: who.user.account, action: 'token-revoke', from, detail: id });
  }
}

function refused(message: string, hint?: string): HpcbinderError {
  return new HpcbinderError('E-TOKEN', { message, ...(hint === undefined ? {} : { hint }) });
}

export type TokenDeskWith = {
  tokens: Tokens;
  state: SignInState['tokens'];
  audit: SignInState['audit'];
  mostSeconds: number;
  /** epoch milliseconds */
  now: () => number;
};
