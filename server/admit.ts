/**
 * The one decision about a request, the same for pages, for the app's API and for WebSockets (SECURITY R6). The app
 * sees our token and therefore skips its own cross-site checks: they are made here.
 */
import type { IncomingMessage } from 'node:http';
import { type Entry, takeCode } from './access.ts';
import { type Answer, answer, plain } from './answers.ts';
import type { Limits } from './limits.ts';
import { choice, denied, ended, lost, starting, suspended } from './pages.ts';
import { refusedTarget } from './paths.ts';
import type { Door, FindDoor } from './routes.ts';

export type Verdict = { pass: Door; entry: Entry } | { refuse: Answer };

/** `now` in epoch milliseconds. `upgrade`: the request asks for another protocol. */
export function admit(
  req: IncomingMessage,
  how: { find: FindDoor; limits: Limits; now: number; upgrade: boolean },
): Verdict {
  const malformed = refusedForm(req, how.limits) ?? (how.upgrade ? refusedUpgrade(req) : undefined);
  if (malformed !== undefined) return { refuse: malformed };
  const door = how.find(req);
  // Nothing of the request is repeated: a rebound name must not appear in an answer (NET-10, WEB-24).
  if (door === undefined) return { refuse: plain(421, 'No session has this address.') };
  const { route, access } = door;
  const known = access.admits(req.headers.cookie, how.now);
  const link = req.method === 'GET' && !how.upgrade ? takeCode(req.url ?? '') : undefined;
  if (link !== undefined && (!link.foreign || access.knows(link.code))) {
    const entered = enter(req, door, link, known, how.now);
    if (entered !== undefined) return { refuse: entered };
  }
  if (known === undefined) return { refuse: denied(req, route) };
  if (!sameOrigin(req, door.origin, how.upgrade)) return { refuse: plain(403, 'Requests of other sites are refused.') };
  switch (route.state()) {
    case 'ready':
      if (door.below !== undefined && !taken(req, door.below)) return { refuse: plain(400, 'The address is refused.') };
      return { pass: door, entry: known };
    case 'starting':
      return { refuse: starting(req, route) };
    case 'suspended':
      return { refuse: suspended(req, route) };
    case 'lost':
      return { refuse: lost(req, route) };
    case 'ended':
      return { refuse: ended(req, route) };
  }
}

/** Takes the session's own path off the target; what is left is judged like any other. False: it is nothing to forward. */
function taken(req: IncomingMessage, below: string): boolean {
  const rest = req.url?.startsWith(below) ? req.url.slice(below.length - 1) : undefined;
  if (rest === undefined || refusedTarget(rest) !== undefined) return false;
  req.url = rest;
  return true;
}

/** A link with a code: the code leaves the address bar, and the cookie takes its place. */
function enter(
  req: IncomingMessage,
  door: Door,
  link: { code: string; stay: boolean; rest: string },
  known: Entry | undefined,
  now: number,
): Answer | undefined {
  const { access } = door;
  if (!known && door.better !== undefined && !link.stay && access.knows(link.code)) {
    const target = `${link.rest}${link.rest.includes('?') ? '&' : '?'}c=${link.code}`;
    return choice(req, { better: `${door.better}${target}`, here: `${target}&stay=1` });
  }
  // A browser that is in already (the link pressed twice, "back") needs no fresh code, only the clean address.
  const entered = access.enter(link.code, door.origin, now);
  if (entered === undefined && !known) return undefined;
  const cookie: Record<string, string> = entered === undefined ? {} : { 'Set-Cookie': entered };
  return answer(302, '', { Location: link.rest, ...cookie });
}

/** What makes two servers read one request differently is refused before anything is looked up (WEB-08, 09, 11). */
export function refusedForm(req: IncomingMessage, limits: Limits): Answer | undefined {
  // names and values in turn
  const { rawHeaders } = req;
  if (rawHeaders.length / 2 > limits.headers) return plain(431, `More than ${limits.headers} headers.`);
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.length === 4 && rawHeaders[i]?.toLowerCase() === 'host') hosts++;
  if (hosts !== 1) return plain(400, 'Exactly one Host header is needed.');
  const target = refusedTarget(req.url ?? '');
  if (target !== undefined) return plain(400, `The address is refused: ${target}.`);
  if (req.method === 'TRACE') return plain(405, 'TRACE is not served.');
  const coding = req.headers['transfer-encoding'];
  if (coding === undefined) return undefined;
  if (coding.toLowerCase() !== 'chunked') return plain(501, 'Only the chunked transfer coding is understood.');
  // Node and http-proxy send such a body without a frame, and its bytes would be the next request.
  if (!['POST', 'PUT', 'PATCH'].includes(req.method ?? '')) return plain(411, 'This method needs a Content-Length.');
  return undefined;
}

function refusedUpgrade(req: IncomingMessage): Answer | undefined {
  const webSocket = req.method === 'GET' && req.headers.upgrade?.toLowerCase() === 'websocket';
  if (!webSocket || req.httpVersion !== '1.1') return plain(400, 'Only WebSocket upgrades are served.');
  const body = req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined;
  return body ? plain(400, 'An upgrade has no body.') : undefined;
}

/**
 * Equality with one origin, never a pattern (WEB-03, 04). Without Origin, Sec-Fetch-Site tells of where a request comes
 * from, by an allow-list (CVE-2026-40864): a link may lead here from anywhere, nothing else may.
 */
function sameOrigin(req: IncomingMessage, origin: string, upgrade: boolean): boolean {
  const claimed = req.headers.origin;
  if (upgrade || claimed !== undefined) return claimed === origin;
  const site = req.headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return true;
  const navigation = req.headers['sec-fetch-mode'] === 'navigate' && req.headers['sec-fetch-dest'] === 'document';
  return navigation && (req.method === 'GET' || req.method === 'HEAD');
}
