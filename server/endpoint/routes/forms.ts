/** The pages' forms: the same as the REST API, for browsers before or without script; each leads back to a page. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HpcbinderError } from '../../../core/errors.ts';
import { type Fields, type Pages, wantedOf } from '../../web/index.ts';
import type { Deps } from '../deps.ts';
import { refusalOf } from '../refusals.ts';
import { cancelLaunch, idOf, ownLaunch, startLaunch, userOf } from './launches.ts';
import { act, openSession, ownSession } from './sessions.ts';
import { LaunchId, SessionId } from './shapes.ts';

export function formRoutes(app: FastifyInstance, deps: Deps, pages: Pages): void {
  const acts = { config: { rule: { who: 'user', acts: true } } } as const;
  const ofSession = { ...acts, schema: { params: SessionId } } as const;
  const ofLaunch = { ...acts, schema: { params: LaunchId } } as const;
  const to = (reply: FastifyReply, path: string) => reply.redirect(`${deps.base.pathname}${path}`, 303);
  const again = async (request: FastifyRequest, reply: FastifyReply, launch: string | undefined) => {
    const former = launch === undefined ? undefined : deps.launches.view(launch);
    if (!former) throw new HpcbinderError('E-SESSION-STATE', { message: 'its launch is no longer known' });
    const { id } = await startLaunch(deps, userOf(request), former.wanted, request.ip);
    return to(reply, `launches/${id}`);
  };

  app.post('/launch', acts, async (request, reply) => {
    const fields = request.body as Fields;
    try {
      const { id } = await startLaunch(deps, userOf(request), wantedOf(fields), request.ip);
      return to(reply, `launches/${id}`);
    } catch (error) {
      return pages.launchAgain(request, reply, fields, refusalOf(error));
    }
  });
  app.post('/launches/:id/cancel', ofLaunch, async (request, reply) => {
    const { id } = cancelLaunch(deps, request);
    return to(reply, (request.body as Fields).from === 'admin' ? 'admin' : `launches/${id}`);
  });
  app.post('/launches/:id/relaunch', ofLaunch, async (request, reply) =>
    again(request, reply, ownLaunch(deps, userOf(request), idOf(request), { admins: false }).id),
  );

  app.post('/sessions/:id/open', ofSession, async (request, reply) =>
    reply.redirect(openSession(deps, request, idOf(request)), 303),
  );
  app.post('/sessions/:id/stop', ofSession, async (request, reply) => {
    await act(deps, request, idOf(request), 'stop');
    const admin = (request.body as Fields).from === 'admin';
    return to(reply, admin ? 'admin' : 'sessions?done=stopped');
  });
  app.post('/sessions/:id/touch', ofSession, async (request, reply) => {
    await act(deps, request, idOf(request), 'touch');
    return to(reply, 'sessions?done=touched');
  });
  app.post('/sessions/:id/extend', ofSession, async (request, reply) => {
    const seconds = Number((request.body as Fields).seconds);
    if (!Number.isSafeInteger(seconds) || seconds < 60 || seconds > 31_622_400)
      throw new HpcbinderError('E-USAGE', { message: 'by how much? a number of seconds' });
    await act(deps, request, idOf(request), 'extend', seconds);
    return to(reply, 'sessions?done=extended');
  });
  app.post('/sessions/:id/relaunch', ofSession, async (request, reply) =>
    again(request, reply, ownSession(deps, userOf(request), idOf(request), { admins: false }).launch),
  );
}
