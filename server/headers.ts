/** What travels between browser and app, and what ends at the proxy. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isOwnCookie, parseCookies } from './access.ts';
import type { Door } from './routes.ts';

/** RFC 9110 section 7.6.1, and what older software treats the same. `expect` was answered by our own server. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'http2-settings',
]);
/** Who the peer is, is for the proxy to say: apps believe these. */
const IDENTITY = /^(?:forwarded|x-forwarded-.*|x-real-ip|x-scheme|x-hb-.*|(?:x-)?remote-user|authorization)$/;
/** Whatever Connection names, these frame or address the message. */
const FRAMING: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding', 'origin']);
const MAX_COOKIES = 50;
const MAX_COOKIE_BYTES = 4096;

function namedIn(connection: string | undefined): string[] {
  return (connection ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
}

/**
 * The headers that go to the app. `transfer-encoding` stays, for it tells Node to frame the body anew; Host stays as
 * the browser sent it, for the app compares it with Origin.
 */
export function upstreamHeaders(req: IncomingMessage, door: Door): IncomingHttpHeaders {
  const named = req.headers.connection === undefined ? [] : namedIn(req.headers.connection);
  const headers: IncomingHttpHeaders = {};
  for (const name in req.headers) {
    if (HOP_BY_HOP.has(name) || IDENTITY.test(name) || name === 'cookie') continue;
    if (!FRAMING.has(name) && named.includes(name)) continue;
    headers[name] = req.headers[name];
  }
  const cookies = parseCookies(req.headers.cookie).filter(([name]) => !isOwnCookie(name));
  if (cookies.length > 0) headers.cookie = cookies.map(([name, value]) => `${name}=${value}`).join('; ');
  const cut = door.origin.indexOf('://');
  headers['x-forwarded-for'] = req.socket.remoteAddress ?? '127.0.0.1';
  headers['x-forwarded-proto'] = door.origin.slice(0, cut);
  headers['x-forwarded-host'] = door.origin.slice(cut + 3);
  headers.authorization = `token ${door.route.appToken}`;
  return headers;
}

export function upgradeHeaders(req: IncomingMessage, door: Door): IncomingHttpHeaders {
  return { ...upstreamHeaders(req, door), connection: 'Upgrade', upgrade: 'websocket' };
}

/** Of an app's answer, these end at the proxy, and so does what Connection names. */
const ANSWER_HOPS: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'trailer']);

/**
 * The headers of the app's answer for the browser: names and values in turn, as the app wrote them and without making an object of
 * them first. Node frames the body anew.
 */
export function answerHeaders(response: IncomingMessage, connection: 'keep-alive' | 'close'): string[] {
  const { rawHeaders } = response;
  const named = namedIn(valuesOf('connection', rawHeaders));
  const passed = ['Connection', connection];
  let cookies = 0;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i] as string, rawHeaders[i + 1] as string];
    const lower = name.toLowerCase();
    if (ANSWER_HOPS.has(lower) || lower === 'transfer-encoding' || named.includes(lower)) continue;
    if (lower !== 'set-cookie') passed.push(name, value);
    else if (++cookies <= MAX_COOKIES) for (const cookie of cleanCookie(value)) passed.push(name, cookie);
  }
  return passed;
}

function valuesOf(wanted: string, rawHeaders: readonly string[]): string {
  let values = '';
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.length === wanted.length && rawHeaders[i]?.toLowerCase() === wanted)
      values += `,${rawHeaders[i + 1]}`;
  return values;
}

/** The same for the answer to an upgrade, which http-proxy copies itself; `connection` is for the caller to set. Changes the message. */
export function cleanResponse(response: IncomingMessage): void {
  const { headers } = response;
  for (const name of namedIn(headers.connection)) if (name !== 'upgrade') delete headers[name];
  for (const name of ANSWER_HOPS) delete headers[name];
  const cookies = headers['set-cookie'];
  if (cookies !== undefined) headers['set-cookie'] = cookies.slice(0, MAX_COOKIES).flatMap(cleanCookie);
}

/** Without Domain, by which a session would reach its neighbours' origins, and never under a name of ours (WEB-12). */
function cleanCookie(cookie: string): string[] {
  const [pair = '', ...attributes] = cookie.split(';');
  if (cookie.length > MAX_COOKIE_BYTES || isOwnCookie(pair.trim())) return [];
  const kept = attributes.filter((attribute) => attribute.split('=', 1)[0]?.trim().toLowerCase() !== 'domain');
  return [[pair, ...kept].join(';')];
}
