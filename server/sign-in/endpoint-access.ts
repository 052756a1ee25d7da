/** Who may use a session's origin at the endpoint: its owner, by a code from the endpoint's page, as long as signed in. */
import { createHmac } from 'node:crypto';
import type { User } from '../../core/endpoint.ts';
import { COOKIE_PREFIX, type Entry, parseCookies, type SessionAccess } from '../access.ts';
import { Genuine } from '../genuine.ts';
import type { Codes } from './one-time.ts';
import { readSessionCookie, type SessionCookie, writeSessionCookie } from './session-cookie.ts';

/** The login ends long before; this only bounds what a browser keeps. */
const COOKIE_SECONDS = 8 * 86_400;

export class EndpointAccess implements SessionAccess {
  readonly cookieName: string;
  readonly #of: EndpointSession;
  readonly #genuine: Genuine<SessionCookie>;

  constructor(of: EndpointSession) {
    this.#of = of;
    this.#genuine = new Genuine((value) => readSessionCookie(value, of.session, of.cookieKey));
    const mark = createHmac('sha256', Buffer.from(of.cookieKey, 'hex'))
      .update(`${of.session} endpoint name`)
      .digest('hex');
    const host = of.secure && of.path === '/' ? '__Host-' : '';
    // As on the laptop, no other page can guess the name to overwrite it: in path mode they share the origin.
    this.cookieName = `${host}${COOKIE_PREFIX}${of.session.replace(/^hb-/, '')}_${mark.slice(0, 8)}`;
  }

  knows(code: string): boolean {
    return this.#ours(this.#of.codes.peek(code));
  }

  enter(code: string, _origin: string, now: number): string | undefined {
    // a code for another session is not spent here: it is no business of this origin
    if (!this.knows(code)) return undefined;
    const coming = this.#of.codes.redeem(code);
    if (coming === undefined) return undefined;
    const { session, cookieKey, path, secure } = this.#of;
    const cookie = { account: coming.account, login: coming.login, expires: Math.floor(now / 1000) + COOKIE_SECONDS };
    const value = writeSessionCookie(cookie, session, cookieKey);
    return `${this.cookieName}=${value}; Path=${path}; Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  }

  admits(cookieHeader: string | undefined, now: number): Entry | undefined {
    for (const [name, value] of parseCookies(cookieHeader)) {
      const cookie = name === this.cookieName ? this.#genuine.read(value) : undefined;
      if (cookie !== undefined && cookie.expires * 1000 > now && this.#ours(cookie))
        return { holds: () => this.#of.alive(cookie.login) };
    }
    return undefined;
  }

  /** The owner alone; an admin is somebody else here. */
  #ours(claim: { account: string; login: string; session?: string } | undefined): boolean {
    if (claim === undefined || claim.account !== this.#of.owner) return false;
    if (claim.session !== undefined && claim.session !== this.#of.session) return false;
    return this.#of.login(claim.login)?.account === this.#of.owner;
  }
}

export type EndpointSession = {
  /** `hb-` + 10 of a-z0-9 */
  session: string;
  /** the account that it belongs to */
  owner: string;
  /** 32 bytes hex, of the session's record */
  cookieKey: string;
  /** `/` where the session has an origin of its own, `/s/<id>/` in path mode */
  path: string;
  /** is the origin https? */
  secure: boolean;
  codes: Codes;
  /** `SignIn.login` and `SignIn.alive` */
  login(hash: string): User | undefined;
  alive(hash: string): boolean;
};
