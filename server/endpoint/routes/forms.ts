/** The pages' forms: the same as the REST API, for browsers before or without script; each leads back to a page. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { LaunchWanted } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import { parseDuration, parseMemory } from '../../../core/units.ts';
import type { Deps } from '../deps.ts';
import { idOf, startLaunch, userOf } from './launches.ts';
import { act, openSession, ownSession } from './sessions.ts';
import { SessionId } from './shapes.ts';

type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

export function formRoutes(app: FastifyInstance, deps: Deps): void {
  const acts = { config: { rule: { who: 'user', acts: true } } } as const;
  const ofSession = { ...acts, schema: { params: SessionId } } as const;
  const page = (path: string) => `${deps.base.pathname}${path}`;

  app.post('/launch', acts, async (request, reply) => {
    const { id } = await startLaunch(deps, userOf(request), wantedOf(request), request.ip);
    return reply.redirect(page(`launches/${id}`), 303);
  });
  app.post('/sessions/:id/open', ofSession, async (request, reply) =>
    reply.redirect(openSession(deps, request, idOf(request)), 303),
  );
  app.post('/sessions/:id/stop', ofSession, async (request, reply) => {
    await act(deps, request, idOf(request), 'stop');
    return reply.redirect(page('sessions'), 303);
  });
  app.post('/sessions/:id/touch', ofSession, async (request, reply) => {
    await act(deps, request, idOf(request), 'touch');
    return reply.redirect(page('sessions'), 303);
  });
  app.post('/sessions/:id/extend', ofSession, async (request, reply) => {
    const time = word(request.body as Fields, 'time') ?? '1h';
    await act(deps, request, idOf(request), 'extend', parseDuration(time));
    return reply.redirect(page('sessions'), 303);
  });
  app.post('/sessions/:id/relaunch', ofSession, async (request, reply) => {
    const user = userOf(request);
    const row = ownSession(deps, user, idOf(request), { admins: false });
    const former = row.launch === undefined ? undefined : deps.launches.view(row.launch);
    if (!former) throw new HpcbinderError('E-SESSION-STATE', { message: 'its launch is no longer known' });
    const { id } = await startLaunch(deps, user, former.wanted, request.ip);
    return reply.redirect(page(`launches/${id}`), 303);
  });
}

/** Of a form: the fields as they were typed, each read by the one grammar for it. */
function wantedOf({ body }: Pick<FastifyRequest, 'body'>): LaunchWanted {
  const fields = (body ?? {}) as Fields;
  const number = (name: string) => {
    const text = word(fields, name);
    if (text === undefined) return undefined;
    if (/^[0-9]{1,6}$/.test(text)) return Number(text);
    throw new HpcbinderError('E-USAGE', { message: `${name}: "${text}" is no whole number` });
  };
  const time = word(fields, 'time');
  const memory = word(fields, 'mem');
  const seconds = number('seconds') ?? (time === undefined ? undefined : parseDuration(time));
  const memoryMb = number('memoryMb') ?? (memory === undefined ? undefined : parseMemory(memory));
  const wanted = {
    provider: word(fields, 'provider') ?? 'gh',
    spec: word(fields, 'spec') ?? '',
    cluster: word(fields, 'cluster'),
    partition: word(fields, 'partition'),
    seconds,
    cpus: number('cpus'),
    memoryMb,
    gpus: number('gpus'),
    gpuType: word(fields, 'gpuType'),
    account: word(fields, 'account'),
    qos: word(fields, 'qos'),
    app: word(fields, 'app'),
    path: word(fields, 'path'),
    data: [fields.data ?? []].flat().slice(0, 32),
    fresh: word(fields, 'fresh') === undefined ? undefined : true,
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(([, value]) => value !== undefined),
  ) as unknown as LaunchWanted;
}

function word(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
