/** /api/v1/tokens: an account's own API tokens. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { SCOPES } from '../../core/endpoint.ts';
import { type ErrorCode, HpcbinderError } from '../../core/errors.ts';
import type { Parts } from './parts.ts';
import { LEAST_SECONDS, LONGEST_NAME } from './token-desk.ts';
import type { TokenWanted } from './types.ts';

const Scopes = Type.Array(Type.Union(SCOPES.map((scope) => Type.Literal(scope))), { maxItems: SCOPES.length });
const TokenSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  scopes: Scopes,
  createdAt: Type.String(),
  expires: Type.Optional(Type.String()),
  usedAt: Type.Optional(Type.String()),
});
const Wanted = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: LONGEST_NAME }),
    scopes: Scopes,
    seconds: Type.Optional(Type.Integer({ minimum: LEAST_SECONDS })),
  },
  { additionalProperties: false },
);
const Listed = Type.Object({ tokens: Type.Array(TokenSchema) });
const Made = Type.Object({ token: Type.String(), ...TokenSchema.properties });
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });

export function tokenRoutes(app: FastifyInstance, parts: Parts): void {
  app.get('/api/v1/tokens', { schema: { response: { 200: Listed } } }, async (request, reply) => {
    const who = parts.who(request.raw);
    if (who === undefined) return refuse(reply, 401, 'E-SIGN-IN', NOBODY);
    if (!who.scopes.includes('read')) return refuse(reply, 403, 'E-FORBIDDEN', 'this token has not the scope "read"');
    return { tokens: parts.state.list(who.user.account) };
  });

  app.post('/api/v1/tokens', { schema: { body: Wanted, response: { 201: Made } } }, async (request, reply) => {
    const who = parts.who(request.raw);
    if (who === undefined) return refuse(reply, 401, 'E-SIGN-IN', NOBODY);
    if (!parts.checkXsrf(request.raw, who, request.body)) return refuse(reply, 403, 'E-FORBIDDEN', NOT_OURS);
    return told(reply, () => {
      const { token, view } = parts.desk.make(who, request.body as TokenWanted, request.ip);
      return reply
        .code(201)
        .header('Cache-Control', 'no-store')
        .send({ token, ...view });
    });
  });

  app.delete('/api/v1/tokens/:id', { schema: { params: Id } }, async (request, reply) => {
    const who = parts.who(request.raw);
    if (who === undefined) return refuse(reply, 401, 'E-SIGN-IN', NOBODY);
    if (!parts.checkXsrf(request.raw, who)) return refuse(reply, 403, 'E-FORBIDDEN', NOT_OURS);
    return told(reply, () => {
      parts.desk.revoke(who, (request.params as { id: string }).id, request.ip);
      return reply.code(204).send();
    });
  });
}

const NOBODY = 'you are not signed in';
const NOT_OURS = 'this was not asked for by a page of this endpoint: the header X-Xsrftoken is missing or wrong';

function told(reply: FastifyReply, work: () => FastifyReply): FastifyReply {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof HpcbinderError) || error.code !== 'E-TOKEN') throw error;
    return refuse(reply, 400, error.code, error.message, error.hint);
  }
}

function refuse(reply: FastifyReply, status: number, code: ErrorCode, message: string, hint?: string): FastifyReply {
  return reply.code(status).send({ error: { code, message, ...(hint === undefined ? {} : { hint }) } });
}
