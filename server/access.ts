/**
 * Who may use a session's origin: whoever holds its cookie, and a cookie is had for a code that works once (DESIGN 16).
 * The cookie is verified by the key of the session record alone, so an open tab outlives a restart of the CLI.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { sha256 } from '../core/canonical.ts';
import { Genuine } from './genuine.ts';

/** Every cookie of a session's origin begins so, and none of ours is passed to an app: on 127.0.0.1 all ports share a jar. */
export const COOKIE_PREFIX = 'hb_';
/** Longer than any walltime that partitions offer to interactive work; the key dies with the session. */
const COOKIE_SECONDS = 8 * 86400;
/** Codes that were printed and never used; the oldest is forgotten first. */
const MAX_CODES = 100;
const CODE = /^[A-Za-z0-9_-]{43}$/;

/** A cookie of ours, in any case: browsers take `__host-` for `__Host-` too. */
export function isOwnCookie(name: string): boolean {
  return /^(?:__host-)?(?:hb_|hpcbinder)/i.test(name);
}

/** What lets a request in. `holds`: does it still? Absent where it lasts as long as the session. */
export type Entry = { holds?: () => boolean };
const FOR_GOOD: Entry = {};

/** Who may use one session's origin: what the door asks, on a laptop and at the endpoint. */
export interface SessionAccess {
  readonly cookieName: string;
  /** Is this code good for an entry? It stays so. */
  knows(code: string): boolean;
  /** Spends a code. The value of a Set-Cookie header, or undefined where the code is not good. `now` in epoch milliseconds. */
  enter(code: string, origin: string, now: number): string | undefined;
  /** By what the Cookie header lets in, if it holds a valid, unexpired cookie of this session. */
  admits(cookieHeader: string | undefined, now: number): Entry | undefined;
}

export class Access implements SessionAccess {
  /** `hb_<id>_<8 hex of the key>`: other local pages cannot guess the name to overwrite it */
  readonly cookieName: string;
  readonly #sessionId: string;
  readonly #key: string;
  /** by their hash: looking one up takes the same time however much of it was guessed */
  readonly #codes = new Set<string>();
  /** to the epoch seconds of their expiry */
  readonly #genuine = new Genuine((value) => this.#expiryOf(value));

  constructor(sessionId: string, cookieKey: string) {
    this.#sessionId = sessionId;
    this.#key = cookieKey;
    this.cookieName = `${COOKIE_PREFIX}${sessionId.replace(/^hb-/, '')}_${this.#mac('name').toString('hex').slice(0, 8)}`;
  }

  /** 256 bits, base64url; valid once, as long as this process lives. */
  newCode(): string {
    const code = randomBytes(32).toString('base64url');
    this.#codes.add(sha256(code));
    const [oldest] = this.#codes;
    if (this.#codes.size > MAX_CODES && oldest !== undefined) this.#codes.delete(oldest);
    return code;
  }

  knows(code: string): boolean {
    return this.#codes.has(sha256(code));
  }

  enter(code: string, origin: string, now: number): string | undefined {
    if (!this.#codes.delete(sha256(code))) return undefined;
    const expires = Math.floor(now / 1000) + COOKIE_SECONDS;
    const value = `${expires}.${this.#mac(`cookie ${expires}`).toString('base64url')}`;
    // Lax, not Strict: a link in a mail or a notebook of another origin may lead here, and nothing acts on a GET.
    const secure = origin.startsWith('https:') ? '; Secure' : '';
    return `${this.cookieName}=${value}; Path=/; Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Lax${secure}`;
  }

  admits(cookieHeader: string | undefined, now: number): Entry | undefined {
    const valid = ([name, value]: readonly [string, string]) =>
      name === this.cookieName && (this.#genuine.read(value) ?? 0) * 1000 > now;
    return parseCookies(cookieHeader).some(valid) ? FOR_GOOD : undefined;
  }

  #expiryOf(value: string): number | undefined {
    const [, expires, mac] = /^([0-9]{1,12})\.([A-Za-z0-9_-]{43})$/.exec(value) ?? [];
    if (expires === undefined || mac === undefined) return undefined;
    const genuine = timingSafeEqual(this.#mac(`cookie ${expires}`), Buffer.from(mac, 'base64url'));
    return genuine ? Number(expires) : undefined;
  }

  #mac(purpose: string): Buffer {
    return createHmac('sha256', Buffer.from(this.#key, 'hex')).update(`${this.#sessionId} ${purpose}`).digest();
  }
}

/**
 * The code of a target like `/lab?c=…&x=1`, and the target without it. Only what has a code's form is taken for one. `foreign`:
 * it came as `token`, where BinderHub's clients put what `ready` gave them; an app may have a parameter of that name, too.
 */
export function takeCode(target: string): { code: string; foreign: boolean; stay: boolean; rest: string } | undefined {
  const cut = target.indexOf('?');
  if (cut < 0) return undefined;
  const fields = target.slice(cut + 1).split('&');
  const named = (name: string) => fields.find((field) => field.startsWith(name) && CODE.test(field.slice(name.length)));
  const field = named('c=') ?? named('token=');
  if (field === undefined) return undefined;
  const foreign = field.startsWith('token=');
  const code = field.slice(field.indexOf('=') + 1);
  const others = fields.filter((other) => other !== field && other !== 'stay=1');
  const query = others.length > 0 ? `?${others.join('&')}` : '';
  return { code, foreign, stay: fields.includes('stay=1'), rest: target.slice(0, cut) + query };
}

export function parseCookies(header: string | undefined): (readonly [name: string, value: string])[] {
  return (header ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const cut = part.indexOf('=');
      return cut < 0 ? ([part, ''] as const) : ([part.slice(0, cut).trim(), part.slice(cut + 1).trim()] as const);
    });
}
