/** The OpenAPI file: what a program can ask, and not the pages and forms of a browser. Made of the routes themselves. */
import type { FastifySchema, RouteOptions } from 'fastify';
import type { Rule } from './deps.ts';
import { ANSWERS, Problem } from './routes/answers.ts';

/** Only described: the answers are sent as they are. */
export function described(schema: FastifySchema, url: string, { method, config }: RouteOptions): FastifySchema {
  const rule = config?.rule as Rule | undefined;
  const answer = ANSWERS[`${[method].flat()[0]} ${url}`];
  const open = rule?.who === 'anyone';
  if (!answer || !rule || (!open && rule.scope === undefined)) return { ...schema, hide: true };
  const { summary, body, status = 200, type } = answer;
  return {
    ...schema,
    summary,
    ...(open ? { security: [] } : {}),
    description: open ? 'For anyone.' : `For an API token with the scope \`${rule.scope}\`.`,
    response: {
      [status]: type ? { description: summary, content: { [type]: { schema: body } } } : body,
      '4xx': Problem,
      '5xx': Problem,
    },
  };
}
