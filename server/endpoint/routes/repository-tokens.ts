/** Each user's own tokens for private repositories: by the API and by the page's forms. A token goes in and never comes out. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Pages } from '../../web/index.ts';
import type { Deps } from '../deps.ts';
import { refusalOf } from '../refusals.ts';
import { userOf } from './launches.ts';

// a login's alone: a leaked API token must not choose what opens repositories
const acts = { rule: { who: 'user', acts: true } } as const;
const text = (most: number) => Type.String({ maxLength: most });
const Body = Type.Object({ host: text(255), user: Type.Optional(text(255)), token: text(4096) });
const Host = Type.Object({ host: text(255) });
/** GitHub and GitLab take any name beside a token */
const ANY_USER = 'oauth2';

export function repositoryTokenRoutes(app: FastifyInstance, deps: Deps, pages: Pages): void {
  const { services, kept, base } = deps;
  async function keep(request: FastifyRequest) {
    const { host, user, token } = request.body as { host: string; user?: string; token: string };
    const by = userOf(request);
    await services.repositoryTokens.keep(by, {
      host: host.trim(),
      user: user?.trim() || ANY_USER,
      password: token.trim(),
    });
    kept.audit.write({ account: by.account, action: 'repository-token', from: request.ip, detail: host.trim() });
  }
  async function forget(request: FastifyRequest) {
    const { host } = request.params as { host: string };
    const by = userOf(request);
    await services.repositoryTokens.forget(by, host);
    kept.audit.write({ account: by.account, action: 'repository-token-forgotten', from: request.ip, detail: host });
  }

  app.get('/api/v1/repository-tokens', { config: { rule: { who: 'user', scope: 'read' } } }, async (request) => ({
    tokens: await services.repositoryTokens.list(userOf(request)),
  }));
  app.post('/api/v1/repository-tokens', { config: acts, schema: { body: Body } }, async (request, reply) => {
    await keep(request);
    return reply.code(204).send();
  });
  app.delete('/api/v1/repository-tokens/:host', { config: acts, schema: { params: Host } }, async (request, reply) => {
    await forget(request);
    return reply.code(204).send();
  });

  const there = `${base.pathname}repositories`;
  app.post('/repositories', { config: acts, schema: { body: Body } }, async (request, reply) => {
    try {
      await keep(request);
    } catch (error) {
      return pages.repositories(request, reply, refusalOf(error));
    }
    return reply.redirect(there, 303);
  });
  app.post('/repositories/:host/forget', { config: acts, schema: { params: Host } }, async (request, reply) => {
    await forget(request);
    return reply.redirect(there, 303);
  });
}
