/** The page's forms for API tokens; the API's own routes are the sign-in's. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { SCOPES } from '../../../core/endpoint.ts';
import type { SignIn } from '../../sign-in/index.ts';
import type { Pages } from '../../web/index.ts';
import type { Deps } from '../deps.ts';
import { refusalOf } from '../refusals.ts';

const DAY = 86_400;
const acts = { rule: { who: 'user', acts: true } } as const;
const Form = Type.Object({
  name: Type.String({ maxLength: 1000 }),
  /** one box that is ticked comes as a text */
  scopes: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: SCOPES.length })])),
  /** a form sends text */
  days: Type.String({ pattern: '^[1-9][0-9]{0,3}$' }),
});

export function tokenForms(app: FastifyInstance, deps: Deps, signIn: SignIn, pages: Pages): void {
  app.post('/tokens', { config: acts, schema: { body: Form } }, async (request, reply) => {
    const { who } = request;
    if (who === undefined) return reply;
    const { name, scopes = [], days } = request.body as { name: string; scopes?: string | string[]; days: string };
    const asked = SCOPES.filter((scope) => [scopes].flat().includes(scope));
    try {
      const { token } = signIn.makeToken(who, { name, scopes: asked, seconds: Number(days) * DAY }, request.ip);
      return pages.tokens(request, reply, { made: token });
    } catch (error) {
      return pages.tokens(request, reply, { refusal: refusalOf(error) });
    }
  });

  app.post('/tokens/:id/revoke', { config: acts }, async (request, reply) => {
    const { who } = request;
    if (who === undefined) return reply;
    try {
      signIn.revokeToken(who, (request.params as { id: string }).id, request.ip);
      return reply.redirect(`${deps.base.pathname}tokens`, 303);
    } catch (error) {
      return pages.tokens(request, reply, { refusal: refusalOf(error) });
    }
  });
}
