/** Shapes of the API's answers, for the OpenAPI file: core/endpoint/shown.ts as others' programs see it. A test holds them to answers. */
import { type TSchema, Type } from '@sinclair/typebox';
import { END_REASONS, SESSION_PHASES } from '../../../core/session.ts';
import { LaunchBody } from './shapes.ts';

const seconds = (description: string) => Type.Optional(Type.Integer({ description: `epoch seconds: ${description}` }));
const iso = (description: string) => Type.String({ format: 'date-time', description });
const text = (description: string) => Type.Optional(Type.String({ description }));
const oneOf = (words: readonly string[]) => Type.String({ enum: [...words] });
const whole = (description: string) => Type.Integer({ minimum: 0, description });

export const Problem = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'docs/errors.md has them all' }),
    message: Type.String({ description: 'one sentence' }),
    hint: text('what to do'),
  }),
});

const Request = Type.Object({
  partition: text('as the scheduler calls it'),
  cpus: whole('cores'),
  memoryMb: whole('MiB'),
  seconds: whole('walltime'),
  gpus: whole('GPUs'),
  gpuType: text('as the scheduler calls it'),
  account: text('whom the scheduler charges'),
  qos: text('of Slurm'),
  reservation: text('of the scheduler'),
  constraint: text('of Slurm'),
  extra: Type.Array(Type.String()),
});

export const Session = Type.Object({
  id: Type.String({ pattern: '^hb-[a-z0-9]{10}$' }),
  launch: text('the launch that it came of'),
  account: Type.String({ description: 'whose it is' }),
  cluster: Type.String(),
  repo: Type.Object({
    shown: Type.String(),
    url: text('of git'),
    commit: text('40 or 64 hex'),
    ref: text('as it was asked for'),
  }),
  phase: oneOf(SESSION_PHASES),
  app: Type.String(),
  request: Request,
  node: text('where it runs'),
  jobId: text('of the scheduler'),
  createdAt: iso('when it was asked for'),
  startedAt: seconds('when its job began'),
  endsAt: seconds('when its time is over'),
  waiting: text('why its job waits, in words'),
  likelyStart: seconds('when the scheduler means to start it'),
  idleSince: seconds('since when nobody uses it'),
  idleSeconds: whole('it is ended when nobody has used it for so long'),
  culledAt: seconds('when it is ended if nobody uses it'),
  gpuIdleSince: seconds('since when all its GPUs have done nothing'),
  workDirectory: Type.String({ description: 'on the cluster; stays when it ends' }),
  ended: Type.Optional(
    Type.Object({ why: oneOf(END_REASONS), at: iso('when'), detail: text('more of it'), words: Type.String() }),
  ),
  silentSince: Type.Optional(iso('no answer of its node since then; nothing is concluded from it')),
  internet: Type.Optional(Type.Boolean({ description: 'does its node reach the internet?' })),
});

const Granted = Type.Object(
  {},
  { additionalProperties: true, description: 'what policy made of it, with `notes` in words' },
);

export const Launch = Type.Object({
  id: Type.String({ pattern: '^la-[0-9a-f]{16}$' }),
  account: Type.String(),
  wanted: LaunchBody,
  granted: Type.Optional(Granted),
  startedAt: iso('when it was asked for'),
  endedAt: Type.Optional(iso('ready, failed or cancelled since then')),
  state: oneOf(['running', 'ready', 'failed', 'cancelled']),
  session: text('id of its session, as soon as there is one'),
  error: Type.Optional(Problem.properties.error),
});

const Figures = Type.Object({
  at: Type.Integer({ description: 'epoch milliseconds' }),
  cpu: Type.Optional(Type.Object({ used: Type.Number({ description: 'cores' }), asked: Type.Number() })),
  memory: Type.Optional(Type.Object({ usedMb: Type.Number(), askedMb: Type.Number() })),
  gpus: Type.Optional(
    Type.Array(
      Type.Object({
        index: whole('of the node'),
        busy: Type.Number({ minimum: 0, maximum: 1 }),
        usedMb: Type.Optional(Type.Number()),
        totalMb: Type.Optional(Type.Number()),
      }),
    ),
  ),
  gpuIdleSince: seconds('since when all of them have done nothing'),
});

const Warned = Type.Composite([Session, Type.Object({ warnings: Type.Array(Type.String()) })]);
const Resolved = Type.Object({
  shown: Type.String(),
  commit: text('40 or 64 hex'),
  ref: text('the branch or tag that it is'),
  notes: Type.Array(Type.String()),
});
/** its shape is in core/endpoint, and grows */
const open = Type.Object({}, { additionalProperties: true });
const listOf = (name: string, of: TSchema) => Type.Object({ [name]: Type.Array(of) });

/** `type`: where it is no JSON. */
export type ApiAnswer = { summary: string; body: TSchema; status?: number; type?: 'text/plain' | 'text/event-stream' };
const answer = (summary: string, body: TSchema = open): ApiAnswer => ({ summary, body });
const words = (summary: string, type: NonNullable<ApiAnswer['type']>) => ({ summary, body: Type.String(), type });

/** Method and path of the router → what it is for, and what comes back: each route that a program may ask. */
export const ANSWERS: Readonly<Record<string, ApiAnswer>> = {
  'POST /api/v1/launches': { ...answer('Launch a repository', Launch), status: 202 },
  'GET /api/v1/launches': answer('Your launches, the newest first', listOf('launches', Launch)),
  'GET /api/v1/launches/:id': answer('One launch', Launch),
  'GET /api/v1/launches/:id/events': words('A launch as it goes: JSON, from its beginning', 'text/event-stream'),
  'GET /api/v1/launches/:id/phases': answer('What its events have told until now, without the log'),
  'DELETE /api/v1/launches/:id': answer('Cancel a launch', Launch),
  'POST /api/v1/launches/:id/sooner': answer('Which smaller requests would start sooner'),
  'POST /api/v1/launches/:id/shape': answer('Change what a waiting job asks for', Launch),
  'GET /api/v1/sessions': answer('Your sessions, the newest first', listOf('sessions', Session)),
  'GET /api/v1/sessions/:id': answer('One session', Warned),
  'GET /api/v1/sessions/:id/log': words('What job, agent and app wrote', 'text/plain'),
  'GET /api/v1/sessions/:id/figures': answer('What it used in the last hour', listOf('figures', Figures)),
  'POST /api/v1/sessions/:id/stop': answer('End a session', Session),
  'POST /api/v1/sessions/:id/touch': answer('Put off its end for idleness', Session),
  'POST /api/v1/sessions/:id/extend': answer('Ask the scheduler for more time', Session),
  'POST /api/v1/sessions/:id/open': answer(
    'The address that opens it once, in your browser',
    Type.Object({ url: Type.String({ format: 'uri' }) }),
  ),
  'POST /api/v1/resolve': answer('Is the repository there, and which commit is it?', Resolved),
  'POST /api/v1/forecast': answer('When a launch would start, and whether its image is there'),
  'GET /api/v1/clusters': answer('The clusters of this endpoint'),
  'GET /api/v1/clusters/:name/offers': answer('Partitions with their limits, and what is free'),
  'GET /api/v1/me': answer('Who you are here'),
  'GET /api/v1/tokens': answer('Your API tokens, without their text'),
  'DELETE /api/v1/tokens/:id': answer('Revoke the token that asks'),
  'GET /api/v1/repository-tokens': answer('The hosts for which you keep a token for private repositories'),
  'GET /api/v1/export': answer('All that is kept of you'),
  'GET /api/v1/admin': answer('All sessions, launches, users, builds, images, the audit log and the policy'),
  'POST /api/v1/admin/drain': answer('Accept no launches, or accept them again'),
  'POST /api/v1/admin/announcement': answer('Say something on top of every page'),
  'GET /build/:provider/*': words(
    "BinderHub's event stream of a launch; it begins one with `build_token`",
    'text/event-stream',
  ),
  'GET /api/repoproviders': answer('What links can name, as BinderHub lists it'),
  'GET /health': answer('Is it alive? 503 where it is not'),
  'GET /versions': answer('Which version this is'),
  'GET /metrics': words('Figures for Prometheus', 'text/plain'),
  'GET /openapi.json': answer('This file'),
};
