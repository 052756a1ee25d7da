/** /api/v1/tokens: an account's own API tokens. A token cannot make another one, so that what leaks ends when it expires. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { SCOPES, type Scope, type TokenView } from '../../core/endpoint.ts';
import type { ErrorCode } from '../../core/errors.ts';
import { scopesOf } from './accounts.ts';
import type { Parts } from './parts.ts';

/** Live ones of an account. */
const MOST_TOKENS = 20;
const DEFAULT_SECONDS = 30 * 86_400;

const TokenSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Type.Union(SCOPES.map((scope) => Type.Literal(scope)))),
  createdAt: Type.String(),
  expires: Type.Optional(Type.String()),
  usedAt: Type.Optional(Type.String()),
});
const Wanted = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    scopes: Type.Array(Type.Union(SCOPES.map((scope) => Type.Literal(scope))), { minItems: 1, maxItems: 4 }),
    seconds: Type.Optional(Type.Integer({ minimum: 60 })),
  },
  { additionalProperties: false },
);

export function tokenRoutes(app: FastifyInstance, parts: Parts): void {
  const { tokens, state } = parts;

  app.get(
    '/api/v1/tokens',
    { schema: { response: { 200: Type.Object({ tokens: Type.Array(TokenSchema) }) } } },
    async (request, reply) => {
      const who = parts.who(request.raw);
      if (who === undefined) return refuse(reply, 401, 'E-SIGN-IN', 'you are not signed in');
      if (!who.scopes.includes('read')) return refuse(reply, 403, 'E-TOKEN', 'this token has not the scope "read"');
      return { tokens: state.list(who.user.account) };
    },
  );

  app.post(
    '/api/v1/tokens',
    { schema: { body: Wanted, response: { 201: Type.Object({ token: Type.String(), ...TokenSchema.properties }) } } },
    async (request, reply) => {
      const who = parts.who(request.raw);
      if (who === undefined) return refuse(reply, 401, 'E-SIGN-IN', 'you are not signed in');
      if (who.via !== 'login')
        return refuse(reply, 403, 'E-TOKEN', 'a token cannot make a token', 'Sign in with a browser.');
      if (!parts.checkXsrf(request.raw, who, request.body)) return refuse(reply, 403, 'E-SIGN-IN', NOT_OURS);
      const wanted = request.body as { name: string; scopes: Scope[]; seconds?: number };
      const over = wanted.scopes.find((scope) => !scopesOf(who.user.roles).includes(scope));
      if (over !== undefined) return refuse(reply, 403, 'E-TOKEN', `your account may not have the scope "${over}"`);
      const most = parts.tokenSeconds;
      const seconds = wanted.seconds ?? Math.min(most, DEFAULT_SECONDS);
      if (seconds > most)
        return refuse(
          reply,
          400,
          'E-TOKEN',
          `tokens live at most ${Math.floor(most / 86_400)} days here`,
          `seconds: ${most}`,
        );
      const now = parts.now();
      if (state.list(who.user.account).filter((token) => Date.parse(token.expires ?? '') > now).length >= MOST_TOKENS)
        return refuse(reply, 409, 'E-TOKEN', `you have ${MOST_TOKENS} tokens, which is the most`, 'Revoke one first.');
      const scopes = SCOPES.filter((scope) => wanted.scopes.includes(scope));
      const expires = new Date(now + seconds * 1000).toISOString();
      const { id, token } = tokens.create(who.user, { name: wanted.name, scopes, expires });
      parts.note(request, who.user.account, 'token-create', `${id} ${scopes.join(',')}`);
      const view: TokenView = { id, name: wanted.name, scopes, createdAt: new Date(now).toISOString(), expires };
      return reply
        .code(201)
        .header('Cache-Control', 'no-store')
        .send({ token, ...view });
    },
  );

  app.delete(
    '/api/v1/tokens/:id',
    { schema: { params: Type.Object({ id: Type.String({ maxLength: 64 }) }) } },
    async (request, reply) => {
      const { id } = request.params as { id: string };
      const who = parts.who(request.raw);
      if (who === undefined) return refuse(reply, 401, 'E-SIGN-IN', 'you are not signed in');
      // a token may end itself, and no other
      if (who.via === 'token' && who.token !== id)
        return refuse(reply, 403, 'E-TOKEN', 'a token cannot revoke another one');
      if (!parts.checkXsrf(request.raw, who)) return refuse(reply, 403, 'E-SIGN-IN', NOT_OURS);
      if (!state.revoke(who.user.account, id)) return refuse(reply, 404, 'E-TOKEN', 'you have no such token');
      parts.note(request, who.user.account, 'token-revoke', id);
      return reply.code(204).send();
    },
  );
}

const NOT_OURS = 'this was not asked for by a page of this endpoint: the header X-Xsrftoken is missing or wrong';

function refuse(reply: FastifyReply, status: number, code: ErrorCode, message: string, hint?: string) {
  return reply.code(status).send({ error: { code, message, ...(hint === undefined ? {} : { hint }) } });
}
