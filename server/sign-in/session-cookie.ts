/**
 * The cookie of a session's origin at the endpoint: it names the account and the login that it came from, so it ends with
 * that login (SECURITY TOK-11), and its key is the session's own, so it is worth nothing anywhere else.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export type SessionCookie = {
  account: string;
  /** hash of the login, 64 hex */
  login: string;
  /** epoch seconds */
  expires: number;
};

const FORM = /^([0-9]{1,12})\.([0-9a-f]{64})\.([A-Za-z0-9_.@-]{1,64})\.([A-Za-z0-9_-]{43})$/;

/** @param cookieKey 32 bytes hex, of the session's record */
export function writeSessionCookie(cookie: SessionCookie, session: string, cookieKey: string): string {
  const mac = macOf(cookie, session, cookieKey).toString('base64url');
  return `${cookie.expires}.${cookie.login}.${cookie.account}.${mac}`;
}

/** The cookie, where it is genuine and of this session. Whether it is expired is for the caller to see. */
export function readSessionCookie(value: string, session: string, cookieKey: string): SessionCookie | undefined {
  const [, expires, login, account, mac] = FORM.exec(value) ?? [];
  if (expires === undefined || login === undefined || account === undefined || mac === undefined) return undefined;
  const cookie = { expires: Number(expires), login, account };
  return timingSafeEqual(macOf(cookie, session, cookieKey), Buffer.from(mac, 'base64url')) ? cookie : undefined;
}

function macOf(cookie: SessionCookie, session: string, cookieKey: string): Buffer {
  const said = `${session} endpoint ${cookie.expires} ${cookie.login} ${cookie.account}`;
  return createHmac('sha256', Buffer.from(cookieKey, 'hex')).update(said).digest();
}
