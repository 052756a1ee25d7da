/** REST API: what can be launched, launching, and following a launch. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { LaunchGranted, LaunchView, LaunchWanted, PhasesView, User } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import type { Deps } from '../deps.ts';
import { sendEvents } from './events.ts';
import { ClusterName, LaunchBody, LaunchId, RepoBody } from './shapes.ts';

const MOST_LISTED = 100;
const LOOK_MS = 30_000;

/** Judged, written down, begun; the same for a click, the API and a badge's event stream. */
export async function startLaunch(deps: Deps, user: User, wanted: LaunchWanted, from: string): Promise<LaunchView> {
  const begin = (granted: LaunchGranted) => ({
    view: deps.launches.start(user, wanted, granted),
    detail: granted.repo.shown,
  });
  const { view, detail } = await deps.judge.grant(user, wanted, begin, AbortSignal.timeout(LOOK_MS));
  const { id: launch, session } = view;
  deps.kept.audit.write({
    account: user.account,
    action: 'launch',
    launch,
    ...(session ? { session } : {}),
    from,
    detail,
  });
  return view;
}

/** `admins`: may look and cancel, and begin or change nothing. Somebody else's launch is as one that does not exist. */
export function ownLaunch(deps: Deps, user: User, id: string, how: { admins: boolean }): LaunchView {
  const view = deps.launches.view(id);
  if (view && (view.account === user.account || (how.admins && user.roles.includes('admin')))) return view;
  throw new HpcbinderError('E-SESSION-UNKNOWN', { message: `there is no launch ${id} of yours` });
}

/** Ends it; the audit log says who did, and whose it was where an admin did it. */
export function cancelLaunch(deps: Deps, request: FastifyRequest): LaunchView {
  const user = userOf(request);
  const view = ownLaunch(deps, user, idOf(request), { admins: true });
  const { id, account, session, state } = view;
  deps.kept.audit.write({
    account: user.account,
    action: 'cancel',
    launch: id,
    ...(session ? { session } : {}),
    from: request.ip,
    ...detailOf(view, user),
  });
  if (account !== user.account && state === 'running')
    deps.launches.note(id, 'an admin of this endpoint has cancelled it');
  return deps.launches.cancel(id) ?? view;
}

/** Of a line of the audit log: whose it was, where it was not one's own. */
export function detailOf({ account }: { account: string }, user: User): { detail?: string } {
  return account === user.account ? {} : { detail: `of ${account}` };
}

export function launchRoutes(app: FastifyInstance, deps: Deps): void {
  const read = { rule: { who: 'user', scope: 'read' } } as const;
  const act = { rule: { who: 'user', scope: 'launch', acts: true } } as const;

  app.get('/api/v1/me', { config: read }, async ({ who }) => ({
    ...who?.user,
    ...(who?.xsrf ? { xsrf: who.xsrf } : {}),
  }));

  app.get('/api/v1/clusters', { config: read }, async () => ({ clusters: deps.services.clusters }));

  app.get('/api/v1/clusters/:name/offers', { config: read, schema: { params: ClusterName } }, async (request) => {
    const { name } = request.params as { name: string };
    return deps.judge.offers(userOf(request), name, AbortSignal.timeout(LOOK_MS));
  });

  app.post(
    '/api/v1/resolve',
    { config: { rule: { who: 'user', scope: 'read', acts: true } }, schema: { body: RepoBody } },
    async (request) => {
      deps.judge.pace('resolve', userOf(request).account);
      const { shown, ...repo } = deps.judge.repoOf(request.body as LaunchBody);
      const found = await deps.services.resolve(userOf(request), repo, AbortSignal.timeout(LOOK_MS));
      const commit = found.kind === 'git' ? { commit: found.commit, ...(found.ref ? { ref: found.ref } : {}) } : {};
      return { shown, ...commit, notes: [] };
    },
  );

  app.post('/api/v1/launches', { config: act, schema: { body: LaunchBody } }, async (request, reply) => {
    const view = await startLaunch(deps, userOf(request), request.body as LaunchWanted, request.ip);
    return reply.code(202).send(view);
  });

  app.get('/api/v1/launches', { config: read }, async (request) => {
    const all = deps.kept.launches({ account: userOf(request).account, limit: MOST_LISTED });
    return { launches: all.map(({ id }) => deps.launches.view(id)) };
  });

  app.get('/api/v1/launches/:id', { config: read, schema: { params: LaunchId } }, async (request) =>
    ownLaunch(deps, userOf(request), idOf(request), { admins: true }),
  );

  app.get('/api/v1/launches/:id/events', { config: read, schema: { params: LaunchId } }, async (request, reply) => {
    const { id } = ownLaunch(deps, userOf(request), idOf(request), { admins: true });
    return sendEvents(request, reply, async function* (signal) {
      for await (const event of deps.launches.events(id, signal)) yield `data: ${JSON.stringify(event)}\n\n`;
    });
  });

  app.get(
    '/api/v1/launches/:id/phases',
    { config: read, schema: { params: LaunchId } },
    async (request): Promise<PhasesView> => {
      const launch = ownLaunch(deps, userOf(request), idOf(request), { admins: true });
      const told = deps.launches.told(launch.id);
      return {
        launch,
        events: told.flatMap((event) => (event.type === 'launch' || event.type === 'log' ? [] : [event])),
      };
    },
  );

  app.delete(
    '/api/v1/launches/:id',
    { config: { rule: { who: 'user', scope: 'stop', acts: true } }, schema: { params: LaunchId } },
    async (request) => cancelLaunch(deps, request),
  );
}

export function userOf({ who }: Pick<FastifyRequest, 'who'>): User {
  if (who) return who.user;
  throw new HpcbinderError('E-INTERNAL', { message: 'a route without a user asked for one' });
}

export function idOf({ params }: Pick<FastifyRequest, 'params'>): string {
  return (params as { id: string }).id;
}
