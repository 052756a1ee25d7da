/** What went wrong → status and words: JSON for scripts, one page for people. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { asHpcbinderError, type ErrorCode } from '../../core/errors.ts';
import { harmless } from '../../core/text.ts';

/** How a refusal looks to a person: a whole document. */
export type ShowsErrors = { errorPage(request: FastifyRequest, refusal: Refusal): string };

export type Refusal = { status: number; code: ErrorCode; message: string; hint?: string };

const STATUS: Partial<Readonly<Record<ErrorCode, number>>> = {
  'E-SESSION-UNKNOWN': 404,
  'E-CLUSTER-UNKNOWN': 404,
  'E-REPO-MISSING': 404,
  'E-REF-MISSING': 404,
  'E-SIGN-IN': 401,
  'E-FORBIDDEN': 403,
  'E-POLICY-DRAIN': 503,
  'E-POLICY-FULL': 429,
  'E-POLICY-RATE': 429,
  'E-SESSION-STATE': 409,
  'E-LOCKED': 409,
  'E-STATE': 503,
  'E-INTERNAL': 500,
};

/** Codes of policy bring their status in their name's family; what is ours to mend is 500, what is the cluster's 503. */
export function refusalOf(cause: unknown): Refusal {
  const { code, message, hint, transient } = asHpcbinderError(cause);
  const known = STATUS[code];
  const status = known ?? (transient ? 503 : /^E-POLICY/.test(code) ? 403 : 400);
  // what a defect says is for the log
  const said = code === 'E-INTERNAL' ? 'something went wrong inside the endpoint; its log has the details' : message;
  return { status, code, message: harmless(said), ...(hint && code !== 'E-INTERNAL' ? { hint: harmless(hint) } : {}) };
}

export function refuse(
  pages: ShowsErrors,
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  code: ErrorCode,
  message: string,
  more: { hint?: string } = {},
): FastifyReply {
  return send(pages, request, reply, { status, code, message, ...more });
}

export function send(pages: ShowsErrors, request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status, ...error } = refusal;
  reply.code(status);
  // where nobody knows better, scripts come back in a minute and not at once (SECURITY ABU-01)
  if ((status === 429 || status === 503) && !reply.hasHeader('retry-after')) reply.header('retry-after', '60');
  const forPerson = (request.headers.accept ?? '').includes('text/html') && !request.url.includes('/api/');
  if (forPerson) return reply.type('text/html; charset=utf-8').send(pages.errorPage(request, refusal));
  return reply.type('application/json; charset=utf-8').send({ error });
}
