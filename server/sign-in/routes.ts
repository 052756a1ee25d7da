/** /sign-in, /sign-in/callback and /sign-out. Only the callback and the POST change anything. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { asHpcbinderError } from '../../core/errors.ts';
import type { Line } from '../pages.ts';
import { type Answers, contact, QUIET, show, slowDown } from './answers.ts';
import type { Parts } from './parts.ts';
import { PENDING_SECONDS } from './pending.ts';
import { returnPath } from './return-path.ts';

export function signInRoutes(app: FastifyInstance, parts: Parts, { enter, failed, again }: Answers): void {
  const { base, cookies, logins, pending, header, oidc, ssh } = parts;
  const home = base.pathname;

  app.get('/sign-in', { schema: { querystring: Next } }, async (request, reply) => {
    const { next: wanted } = request.query as { next?: string };
    const next = returnPath(wanted, base);
    if (parts.who(request.raw)?.via === 'login') return reply.redirect(next, 302);
    const said = header?.read(request.raw);
    // whom the reverse proxy has signed in goes at a pace of their own; all may come from its address
    const wait = parts.pace.take(said?.said === 'identity' ? `identity ${said.identity}` : request.ip);
    if (wait > 0) return slowDown(request, reply, wait);
    if (said !== undefined) {
      if (said.said === 'identity') return enter(request, reply, said.identity, next);
      return show(request, reply, 401, 'Not signed in', [
        'The web server in front of this endpoint did not say who you are.',
        `Come in by ${base.href}${contact(parts)}`,
      ]);
    }
    if (ssh !== undefined) return ssh.first(request, reply, next);
    if (oidc === undefined) return reply;
    try {
      const begun = await oidc.begin();
      reply.header(
        'Set-Cookie',
        cookies.setPending(begun.pending.state, pending.write({ ...begun.pending, next }), PENDING_SECONDS),
      );
      return reply.headers(QUIET).redirect(begun.url.href, 302);
    } catch (error) {
      return failed(request, reply, asHpcbinderError(error), next);
    }
  });

  app.get('/sign-in/callback', async (request, reply) => {
    if (oidc === undefined) return show(request, reply, 404, 'Nothing is here', []);
    const wait = parts.pace.take(request.ip);
    if (wait > 0) return slowDown(request, reply, wait);
    const query = request.raw.url?.replace(/^[^?]*/, '') ?? '';
    const state = new URLSearchParams(query).get('state') ?? '';
    const waiting = cookies
      .pending(request.headers.cookie, state)
      .map((value) => pending.read(value, state))
      .find((each) => each !== undefined);
    if (waiting === undefined) {
      // the page was loaded again, or "back" was pressed, after it had worked
      if (parts.who(request.raw)?.via === 'login') return reply.headers(QUIET).redirect(home, 302);
      parts.note(request, '-', 'sign-in-refused', 'no sign-in is under way in this browser');
      return show(request, reply, 400, 'This sign-in is not known here', [
        'It was begun in another browser, more than ten minutes ago, or used already; or this browser takes no cookies from here, without which nobody can sign in.',
        again(home),
      ]);
    }
    reply.header('Set-Cookie', cookies.clearPending(state));
    try {
      return await enter(request, reply, await oidc.finish(query, waiting), waiting.next);
    } catch (error) {
      return failed(request, reply, asHpcbinderError(error), waiting.next);
    }
  });

  app.get('/sign-out', async (request, reply) => {
    const who = parts.who(request.raw);
    if (who?.via !== 'login') return show(request, reply, 200, 'You are signed out', [again(home)]);
    const fields = { _xsrf: who.xsrf ?? '' };
    return show(request, reply, 200, 'Sign out?', [
      `You are signed in as ${who.user.shown}. Running sessions go on; their pages close until you sign in again.`,
      { say: 'Sign out', action: `${home}sign-out`, fields },
      { say: 'Sign out in all browsers', action: `${home}sign-out`, fields: { ...fields, everywhere: '1' } },
    ]);
  });

  app.post('/sign-out', { schema: { body: SignOut } }, async (request, reply) => {
    const who = parts.who(request.raw);
    if (who?.via !== 'login') return show(request, reply, 200, 'You are signed out', [again(home)]);
    if (!parts.checkXsrf(request.raw, who, request.body))
      return show(request, reply, 403, 'Nothing was done', ['This was not asked for by a page of this endpoint.']);
    const everywhere = (request.body as { everywhere?: string } | null)?.everywhere !== undefined;
    if (everywhere) logins.endAll(who.user.account);
    else logins.end(who.login);
    parts.note(request, who.user.account, everywhere ? 'sign-out-everywhere' : 'sign-out');
    reply.header('Set-Cookie', [cookies.clearLogin(), cookies.setXsrf('', 0)]);
    const url = await oidc?.signOutUrl();
    const still =
      'You may still be signed in at the sign-in service: whoever uses this browser next comes in without a password.';
    // A link and no redirect: the page's form-action would forbid that, and it is for the person to say.
    const there: readonly Line[] = url === undefined ? [] : [{ say: 'Sign out there too', href: url.href }];
    // who came by the page's own SSH login is signed in nowhere else
    const words = ssh === undefined ? [still, ...there] : [];
    return show(request, reply, 200, 'You are signed out', [...words, again(home)]);
  });
}

const Next = Type.Object({ next: Type.Optional(Type.String({ maxLength: 4000 })) });
const SignOut = Type.Union([
  Type.Object({
    _xsrf: Type.Optional(Type.String({ maxLength: 200 })),
    everywhere: Type.Optional(Type.String({ maxLength: 10 })),
  }),
  Type.Null(),
]);
