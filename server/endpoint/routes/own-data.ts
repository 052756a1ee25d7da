/** What the endpoint keeps of whoever asks: to take along, and to have deleted (REST API, and the form of the page). */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { State } from '../../state/index.ts';
import type { Deps } from '../deps.ts';
import { userOf } from './launches.ts';

export function ownDataRoutes(app: FastifyInstance, deps: Deps, state: Pick<State, 'exportOf' | 'forget'>): void {
  app.get('/api/v1/export', { config: { rule: { who: 'user', scope: 'read' } } }, async (request, reply) =>
    reply
      .header('Content-Disposition', 'attachment; filename="hpcbinder-export.json"')
      .send(state.exportOf(userOf(request).account)),
  );

  // no token will do: what was leaked must not be able to cover its tracks
  const acts = { config: { rule: { who: 'user', acts: true } } } as const;
  const forget = (request: FastifyRequest) => {
    const { account } = userOf(request);
    state.forget(account);
    deps.kept.audit.write({ account, action: 'forget', from: request.ip });
  };
  app.delete('/api/v1/me', acts, async (request, reply) => {
    forget(request);
    return reply.code(204).send();
  });
  app.post('/me/delete', acts, async (request, reply) => {
    forget(request);
    // its login is gone with all else: the first page asks who it is
    return reply.redirect(`${deps.base.pathname}sign-out`, 303);
  });
}
