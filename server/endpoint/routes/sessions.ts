/** REST API: one's own sessions. Ownership is decided in one place, `ownSession`. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { FiguresView, SessionView, User } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import { targetPath } from '../../links/index.ts';
import type { Deps } from '../deps.ts';
import type { KeptRow } from '../kept.ts';
import { detailOf, idOf, userOf } from './launches.ts';
import { PathBody, SecondsBody, SessionId } from './shapes.ts';

const MOST_LISTED = 200;
const LOG_MS = 60_000;

/** `admins`: may look and stop, and never open. Somebody else's session is as one that does not exist. */
export function ownSession(deps: Deps, user: User, id: string, how: { admins: boolean }): KeptRow {
  const row = deps.kept.session(id);
  const may = row && (row.account === user.account || (how.admins && user.roles.includes('admin')));
  if (may) return row;
  throw new HpcbinderError('E-SESSION-UNKNOWN', { message: `there is no session ${id} of yours` });
}

type Verb = 'stop' | 'extend' | 'touch' | 'open';

/** Stops, extends or puts off; the record follows, and the audit log says who. */
export async function act(
  deps: Deps,
  request: Pick<FastifyRequest, 'who' | 'ip'>,
  id: string,
  verb: Exclude<Verb, 'open'>,
  seconds = 0,
): Promise<SessionView> {
  const user = userOf(request);
  const row = ownSession(deps, user, id, { admins: verb === 'stop' });
  const owner = deps.userOf(row.account);
  deps.kept.audit.write({ account: user.account, action: verb, session: id, from: request.ip, ...detailOf(row, user) });
  const launch = row.launch && deps.launches.view(row.launch);
  // its launch still runs: that is what has to end
  if (verb === 'stop' && launch && launch.state === 'running') {
    deps.launches.cancel(launch.id);
    return deps.live.view(row);
  }
  if (row.record.phase !== 'ended') deps.live.update(await done(deps, owner, row, verb, seconds));
  else if (verb !== 'stop')
    throw new HpcbinderError('E-SESSION-STATE', {
      message: `session ${id} has ended`,
      hint: 'Relaunch it: the work directory is kept.',
    });
  return deps.live.view(deps.kept.session(id) ?? row);
}

async function done(deps: Deps, owner: User, row: KeptRow, verb: Exclude<Verb, 'open'>, seconds: number) {
  const { services, judge } = deps;
  const { record } = row;
  if (verb === 'stop') return services.stop(owner, record, () => {});
  if (verb === 'extend') return extended(deps, owner, row, seconds);
  if (!judge.mayTouch) {
    throw new HpcbinderError('E-FORBIDDEN', {
      message: 'the end for idleness cannot be put off at this endpoint',
      hint: 'Work in the session: whatever is used is not idle.',
    });
  }
  await services.touch(owner, record);
  return services.refresh(owner, record, AbortSignal.timeout(LOG_MS));
}

/** One extension at a time: each is judged by the length that the last one made, and a click that comes twice counts once. */
async function extended({ services, judge, extending }: Deps, owner: User, row: KeptRow, seconds: number) {
  const { record } = row;
  if (extending.has(record.id))
    throw new HpcbinderError('E-LOCKED', {
      message: `session ${record.id} is being extended at this moment`,
      hint: 'Look at its new end first.',
      transient: true,
    });
  extending.add(record.id);
  try {
    judge.checkExtension(row, seconds);
    return await services.extend(owner, record, seconds);
  } finally {
    extending.delete(record.id);
  }
}

/** The address that opens it once, in the asker's own browser. */
export function openSession(
  deps: Deps,
  request: Pick<FastifyRequest, 'who' | 'ip'>,
  id: string,
  path?: string,
): string {
  const { who } = request;
  const user = userOf(request);
  const row = ownSession(deps, user, id, { admins: false });
  if (!who || row.record.phase !== 'ready')
    throw new HpcbinderError('E-SESSION-STATE', {
      message: `session ${id} ${row.record.phase === 'ended' ? 'has ended' : 'is not ready yet'}`,
      hint: 'Its page shows how it stands.',
    });
  deps.kept.audit.write({ account: user.account, action: 'open', session: id, from: request.ip });
  const wanted = path === undefined ? row.granted?.path : targetPath({ urlpath: path });
  return deps.openUrl(who, row.record, wanted);
}

export function sessionRoutes(app: FastifyInstance, deps: Deps): void {
  const read = { config: { rule: { who: 'user', scope: 'read' } }, schema: { params: SessionId } } as const;
  const stops = { rule: { who: 'user', scope: 'stop', acts: true } } as const;
  const acts = { rule: { who: 'user', scope: 'launch', acts: true } } as const;

  app.get('/api/v1/sessions', { config: read.config }, async (request) => {
    const rows = deps.kept.sessions({ account: userOf(request).account, limit: MOST_LISTED });
    return { sessions: rows.map((row) => deps.live.view(row)) };
  });

  app.get('/api/v1/sessions/:id', read, async (request) => {
    const row = ownSession(deps, userOf(request), idOf(request), { admins: true });
    return { ...deps.live.view(row), warnings: deps.live.warnings(row.record.id) };
  });

  app.get('/api/v1/sessions/:id/log', read, async (request, reply) => {
    const row = ownSession(deps, userOf(request), idOf(request), { admins: false });
    const text = await deps.services.log(deps.userOf(row.account), row.record, AbortSignal.timeout(LOG_MS));
    return reply.type('text/plain; charset=utf-8').send(text);
  });

  app.get('/api/v1/sessions/:id/figures', read, async (request): Promise<FiguresView> => {
    const row = ownSession(deps, userOf(request), idOf(request), { admins: true });
    return { figures: deps.live.figures(row.record.id) };
  });

  app.post('/api/v1/sessions/:id/stop', { config: stops, schema: { params: SessionId } }, async (request) =>
    act(deps, request, idOf(request), 'stop'),
  );
  app.post('/api/v1/sessions/:id/touch', { config: acts, schema: { params: SessionId } }, async (request) =>
    act(deps, request, idOf(request), 'touch'),
  );
  app.post(
    '/api/v1/sessions/:id/extend',
    { config: acts, schema: { params: SessionId, body: SecondsBody } },
    async (request) => act(deps, request, idOf(request), 'extend', (request.body as { seconds: number }).seconds),
  );
  app.post(
    '/api/v1/sessions/:id/open',
    { config: acts, schema: { params: SessionId, body: PathBody } },
    async (request) => ({ url: openSession(deps, request, idOf(request), (request.body as { path?: string }).path) }),
  );
}
