/** REST API and forms: what a launch would meet, and what lets a waiting one start sooner. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { LaunchView, LaunchWanted, ShapeWanted } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import type { Fields } from '../../web/index.ts';
import type { Deps } from '../deps.ts';
import { forecast } from '../forecast.ts';
import type { Sooner } from '../sooner.ts';
import { idOf, ownLaunch, userOf } from './launches.ts';
import { ForecastBody, LaunchId, ShapeBody } from './shapes.ts';

const FORECAST_MS = 30_000;

export function outlookRoutes(app: FastifyInstance, deps: Deps, sooner: Sooner): void {
  const reads = { rule: { who: 'user', scope: 'read', acts: true } } as const;
  const launches = { rule: { who: 'user', scope: 'launch', acts: true } } as const;
  const form = { config: { rule: { who: 'user', acts: true } }, schema: { params: LaunchId } } as const;

  app.post('/api/v1/forecast', { config: reads, schema: { body: ForecastBody } }, async (request) => {
    const user = userOf(request);
    deps.judge.pace('forecast', user.account);
    const { commit, ...wanted } = request.body as LaunchWanted & { commit?: string };
    return forecast(deps, user, wanted, commit, AbortSignal.timeout(FORECAST_MS));
  });

  app.post('/api/v1/launches/:id/sooner', { config: reads, schema: { params: LaunchId } }, async (request) =>
    sooner.ask(deps, userOf(request), mine(deps, request)),
  );
  app.post(
    '/api/v1/launches/:id/shape',
    { config: launches, schema: { params: LaunchId, body: ShapeBody } },
    async (request) => {
      await change(deps, sooner, request, request.body as ShapeWanted);
      return mine(deps, request);
    },
  );

  const back = (request: FastifyRequest) => `${deps.base.pathname}launches/${idOf(request)}`;
  app.post('/launches/:id/sooner', form, async (request, reply) => {
    await sooner.ask(deps, userOf(request), mine(deps, request));
    return reply.redirect(back(request), 303);
  });
  app.post('/launches/:id/shape', form, async (request, reply) => {
    // a launch that is not there is told before a field that is wrong
    mine(deps, request);
    await change(deps, sooner, request, shapeOf((request.body ?? {}) as Fields));
    return reply.redirect(back(request), 303);
  });
}

/** The owner's alone: an admin stops, and changes nothing of anybody's. */
function mine(deps: Deps, request: FastifyRequest): LaunchView {
  return ownLaunch(deps, userOf(request), idOf(request), { admins: false });
}

async function change(deps: Deps, sooner: Sooner, request: FastifyRequest, shape: ShapeWanted): Promise<void> {
  const user = userOf(request);
  const launch = mine(deps, request);
  const { session } = launch;
  const detail = `${shape.seconds} s, ${shape.cpus} cores, ${shape.memoryMb} MiB, ${shape.gpus} GPUs${shape.partition ? ` on ${shape.partition}` : ''}`;
  const of = { account: user.account, action: 'reshape', launch: launch.id, from: request.ip, detail };
  deps.kept.audit.write({ ...of, ...(session ? { session } : {}) });
  await sooner.change(deps, user, launch, shape);
}

/** A form sends text. */
function shapeOf(fields: Fields): ShapeWanted {
  const whole = (name: string, least: number) => {
    const value = fields[name];
    if (typeof value === 'string' && /^[0-9]{1,9}$/.test(value) && Number(value) >= least) return Number(value);
    throw new HpcbinderError('E-USAGE', { message: `${name}: a whole number is wanted` });
  };
  const name = (key: 'partition' | 'gpuType') => {
    const value = fields[key];
    return typeof value === 'string' && value !== '' ? { [key]: value.slice(0, 128) } : {};
  };
  return {
    seconds: whole('seconds', 1),
    cpus: whole('cpus', 1),
    memoryMb: whole('memoryMb', 1),
    gpus: whole('gpus', 0),
    ...name('partition'),
    ...name('gpuType'),
  };
}
