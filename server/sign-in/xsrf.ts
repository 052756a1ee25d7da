/**
 * Did our own page send this? Cookies alone prove nothing: other sites and session origins make the browser send them too
 * (SECURITY WEB-05, ABU-05). Allow-lists, for a list of exceptions was CVE-2026-40864.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** @param origin of the endpoint; `expected`: the login's own value; `body`: the form as parsed */
export function isOurs(req: IncomingMessage, how: { origin: string; expected: string; body?: unknown }): boolean {
  return fromOurOrigin(req, how.origin) && candidates(req, how.body).some((each) => same(each, how.expected));
}

function fromOurOrigin(req: IncomingMessage, origin: string): boolean {
  const claimed = req.headers.origin;
  const site = req.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  if (claimed === undefined || claimed === origin) return true;
  // A form on a page with `Referrer-Policy: no-referrer` says "null" (Fetch, "append a request Origin header").
  return claimed === 'null' && site === 'same-origin';
}

function candidates(req: IncomingMessage, body: unknown): string[] {
  const field =
    typeof body === 'object' && body !== null && Object.hasOwn(body, '_xsrf') ? Reflect.get(body, '_xsrf') : undefined;
  return [req.headers['x-xsrftoken'], field].filter((each) => typeof each === 'string');
}

function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
