/**
 * The one decision about a request to the endpoint's own origin: pages, API and streams alike, by the route's own rule. First who
 * it is, then whether that one asks too often, and only then whether they may: nobody is refused, or sent to sign in, without limit.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { placeOfAddress } from '../guests.ts';
import type { Who } from '../sign-in/types.ts';
import type { Deps, Rule } from './deps.ts';
import { refuse } from './refusals.ts';

/** SECURITY WEB-20. Styles, scripts and pictures are files of ours; nothing is inline. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
};

/** Whose requests count together: an account's, wherever it is, and of whoever is not signed in their address's. */
export function counted({ who, ip }: Pick<FastifyRequest, 'who' | 'ip'>): string {
  return who ? `account ${who.user.account}` : `address ${placeOfAddress(ip)}`;
}

/** Wants the plugin of the rate first. */
export function addGate(app: FastifyInstance, deps: Deps): void {
  app.decorateRequest('who', undefined);
  app.addHook('onRequest', async (request, reply) => {
    for (const [name, value] of Object.entries(HEADERS)) reply.header(name, value);
    if (deps.base.protocol === 'https:') reply.header('strict-transport-security', 'max-age=31536000');
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    request.who = deps.who(request.raw);
  });
  app.addHook('onRequest', app.rateLimit());
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return;
    return judged(request, reply, request.routeOptions.config.rule, deps);
  });
  // the body is there only now: a form brings its proof in a field
  app.addHook('preHandler', async (request, reply) => {
    const rule = request.routeOptions.config.rule;
    if (request.is404 || !rule?.acts || rule.who === 'anyone') return;
    const { who } = request;
    if (who && deps.mayAct(request.raw, who, request.body)) return;
    return refuse(
      deps,
      request,
      reply,
      403,
      'E-FORBIDDEN',
      'this request did not come from a click on a page of ours',
      {
        hint: 'Reload the page and click again; scripts send their API token.',
      },
    );
  });
}

function judged(
  request: FastifyRequest,
  reply: FastifyReply,
  rule: Rule | undefined,
  deps: Deps,
): FastifyReply | undefined {
  if (rule?.who === 'anyone') return undefined;
  const { who } = request;
  if (!who) {
    const page = request.method === 'GET' && (request.headers.accept ?? '').includes('text/html');
    if (page) return reply.redirect(deps.signInUrl(request.originalUrl), 302);
    return refuse(deps, request, reply, 401, 'E-SIGN-IN', 'nobody is signed in', {
      hint: 'Sign in on the page, or send Authorization: Bearer TOKEN.',
    });
  }
  if (rule && allowed(rule, who)) return undefined;
  return refuse(deps, request, reply, 403, 'E-FORBIDDEN', 'this is not for your account or token');
}

function allowed(rule: Rule, who: Who): boolean {
  if (rule.who === 'admin' && !who.user.roles.includes('admin')) return false;
  return who.via === 'login' || (rule.scope !== undefined && who.scopes.includes(rule.scope));
}
