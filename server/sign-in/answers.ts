/** What the routes of the sign-in answer: somebody comes in, or a page says why not. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HpcbinderError } from '../../core/errors.ts';
import { type Line, page } from '../pages.ts';
import { userOf } from './accounts.ts';
import type { Parts } from './parts.ts';

export type Answers = ReturnType<typeof signInAnswers>;

export function signInAnswers(parts: Omit<Parts, 'ssh'>) {
  const { base, cookies, logins, oidc } = parts;
  const again = (next: string): Line => ({
    say: 'Sign in again',
    href: `${base.pathname}sign-in?next=${encodeURIComponent(next)}`,
  });

  /** Somebody has proven to be `identity`. */
  async function enter(request: FastifyRequest, reply: FastifyReply, identity: string, next: string) {
    const user = userOf(parts.accounts(), identity);
    if (user === undefined) {
      parts.note(request, '-', 'sign-in-refused', `no account for ${identity}`);
      // there they can sign in as somebody else
      const elsewhere = await oidc?.signOutUrl();
      return show(request, reply, 403, 'There is no account for you here', [
        `You signed in as ${identity}, and this endpoint knows no account for that.`,
        `Ask for one, and tell them this name${contact(parts)}`,
        ...(elsewhere === undefined ? [] : [{ say: 'Sign out at the sign-in service', href: elsewhere.href }]),
      ]);
    }
    // what the browser came with is over: nobody goes on under a cookie that somebody else may know
    for (const secret of cookies.logins(request.headers.cookie)) logins.endSecret(secret);
    const { secret, xsrf } = logins.create(user, request.ip);
    parts.note(request, user.account, 'sign-in', identity);
    const before = reply.getHeader('Set-Cookie');
    reply.header('Set-Cookie', [
      ...(typeof before === 'string' ? [before] : []),
      cookies.setLogin(secret, parts.maxSeconds),
      cookies.setXsrf(xsrf, parts.maxSeconds),
    ]);
    return reply.headers(QUIET).redirect(next, 302);
  }

  function failed(request: FastifyRequest, reply: FastifyReply, error: HpcbinderError, next: string) {
    const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
    parts.note(request, '-', error.transient ? 'sign-in-failed' : 'sign-in-refused', `${error.message}${cause}`);
    if (error.transient) reply.header('Retry-After', '30');
    const status = error.transient ? 503 : 403;
    const why = `${error.message[0]?.toUpperCase() ?? ''}${error.message.slice(1)}.`;
    return show(request, reply, status, 'You could not be signed in', [
      why,
      error.hint ?? '',
      again(next),
      `${error.code}${contact(parts)}`,
    ]);
  }

  return { enter, failed, again };
}

/** Codes and states stand in these addresses. */
export const QUIET = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' };

export function contact(parts: Pick<Parts, 'contact'>): string {
  const whom = parts.contact();
  return whom === undefined ? '.' : `: ${whom}`;
}

export function slowDown(request: FastifyRequest, reply: FastifyReply, seconds: number) {
  reply.header('Retry-After', String(seconds));
  return show(request, reply, 429, 'Too many sign-ins from your address', [`Try again in ${seconds} s.`]);
}

export function show(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  title: string,
  lines: readonly Line[],
) {
  const said = page(request.raw, { status, title, lines: lines.filter((line) => line !== '') });
  const { Connection: _, 'Content-Length': __, ...headers } = said.headers;
  return reply.code(said.status).headers(headers).send(said.body);
}
