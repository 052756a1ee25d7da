/** The OpenAPI file: what a program can ask, and not the pages and forms of a browser. Made of the routes themselves. */
import type { FastifySchema, RouteOptions } from 'fastify';
import type { Rule } from './deps.ts';
import { ANSWERS, Problem } from './routes/answers.ts';

/** for whoever asks: beside the API what BinderHub has, and what monitors look at */
const PUBLIC = /^\/(?:api\/v1\/|build\/|health$|versions$|metrics$|openapi\.json$|api\/repoproviders$)/;

/** Only described: the answers are sent as they are. */
export function described(schema: FastifySchema, url: string, { method, config }: RouteOptions): FastifySchema {
  const rule = config?.rule as Rule | undefined;
  if (!PUBLIC.test(url) || rule === undefined || (rule.who !== 'anyone' && rule.scope === undefined))
    return { ...schema, hide: true };
  const answer = ANSWERS[`${[method].flat()[0]} ${url}`];
  const open = rule.who === 'anyone';
  return {
    ...schema,
    ...(answer ? { summary: answer.summary } : {}),
    ...(open ? { security: [] } : {}),
    description: open ? 'For anyone.' : `For an API token with the scope \`${rule.scope}\`.`,
    response: {
      [answer?.status ?? 200]: answer?.body ?? {
        description: 'as its name says',
        type: 'object',
        additionalProperties: true,
      },
      '4xx': Problem,
      '5xx': Problem,
    },
  };
}
