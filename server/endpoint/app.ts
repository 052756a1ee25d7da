/** The endpoint's own origin: pages, links, REST API. Which route answers whom is in each route's rule (gate.ts). */
import formbody from '@fastify/formbody';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance, type RouteOptions } from 'fastify';
import type { Deps, Rule } from './deps.ts';
import { addGate, counted } from './gate.ts';
import { described } from './openapi.ts';
import { refusalOf, send } from './refusals.ts';
import { launchRoutes } from './routes/launches.ts';
import { plainRoutes } from './routes/plain.ts';
import { sessionRoutes } from './routes/sessions.ts';

const MOST_BODY = 64 << 10;

/** One line of the router's table, for the test that asks every route as everybody. */
export type RouteRow = { method: string; url: string; rule: Rule | undefined };

export type App = { instance: FastifyInstance; routes: readonly RouteRow[] };

/** `more`: the pages, links and sign-in, each a set of routes with rules of their own. */
export async function createApp(
  deps: Deps,
  more: (app: FastifyInstance) => void,
  how: { log: (line: Record<string, unknown>) => void; trustProxy: readonly string[] | 'unix' },
): Promise<App> {
  const routes: RouteRow[] = [];
  const app = Fastify({
    bodyLimit: MOST_BODY,
    // limits of connections are the front's (server/limits.ts)
    logger: { level: 'warn', stream: { write: (line: string) => how.log({ said: line.trim() }) } },
    trustProxy: trusted(how.trustProxy),
    routerOptions: { maxParamLength: 2000 },
    rewriteUrl: ({ url = '/' }) => below(deps.base.pathname, url),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  });
  app.addHook('onRoute', (route: RouteOptions) => {
    // the rule is read when somebody looks: a later hook may set it
    for (const method of [route.method].flat())
      if (method !== 'HEAD')
        routes.push({
          method,
          url: route.url,
          get rule() {
            return route.config?.rule;
          },
        });
  });
  await app.register(formbody, { bodyLimit: MOST_BODY });
  await app.register(swagger, {
    openapi: {
      info: { title: 'hpcbinder endpoint', version: deps.product.split('/')[1] ?? '0' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: ({ schema, url, route }) => ({ schema: described(schema ?? {}, url, route), url }),
  });
  await app.register(rateLimit, {
    // the gate asks it, for what is not there too
    global: false,
    max: () => deps.judge.perMinute,
    timeWindow: 60_000,
    keyGenerator: counted,
  });
  addGate(app, deps);
  app.setErrorHandler((error: Error & { validation?: unknown; statusCode?: number }, request, reply) => {
    if (error.validation) return send(deps, request, reply, { status: 400, code: 'E-USAGE', message: error.message });
    if (error.statusCode !== undefined && error.statusCode < 500) {
      const code = error.statusCode === 429 ? 'E-POLICY-RATE' : 'E-USAGE';
      return send(deps, request, reply, { status: error.statusCode, code, message: error.message });
    }
    const refusal = refusalOf(error);
    if (refusal.status >= 500) how.log({ error: error.stack ?? error.message, url: request.url.split('?')[0] });
    return send(deps, request, reply, refusal);
  });
  app.setNotFoundHandler((request, reply) =>
    send(deps, request, reply, { status: 404, code: 'E-USAGE', message: 'there is nothing at this address' }),
  );
  plainRoutes(app, deps);
  launchRoutes(app, deps);
  sessionRoutes(app, deps);
  more(app);
  await app.ready();
  return { instance: app, routes };
}

/** Where the endpoint shares its host, its paths begin with the base's; whatever does not is nothing of ours. */
function below(base: string, target: string): string {
  if (base === '/') return target;
  return target.startsWith(base) ? target.slice(base.length - 1) : '/no-such-page';
}

/** Whose word for the browser's address is taken: on a Unix socket that of whoever may open it, and of nobody before them. */
function trusted(by: readonly string[] | 'unix') {
  if (by === 'unix') return (_address: string, hop: number) => hop === 0;
  return by.length > 0 ? [...by] : false;
}
