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
const events = Type.String({ description: 'text/event-stream: one JSON per message, from the launch’s beginning' });

/** Method and path of the router → status, what it is, and the body. What is not here answers 200 with JSON. */
export const ANSWERS: Readonly<Record<string, { status?: number; summary: string; body: TSchema }>> = {
  'POST /api/v1/launches': { status: 202, summary: 'Launch a repository', body: Launch },
  'GET /api/v1/launches': {
    summary: 'Your launches, the newest first',
    body: Type.Object({ launches: Type.Array(Launch) }),
  },
  'GET /api/v1/launches/:id': { summary: 'One launch', body: Launch },
  'GET /api/v1/launches/:id/events': { summary: 'A launch as it goes', body: events },
  'DELETE /api/v1/launches/:id': { summary: 'Cancel a launch', body: Launch },
  'GET /api/v1/sessions': {
    summary: 'Your sessions, the newest first',
    body: Type.Object({ sessions: Type.Array(Session) }),
  },
  'GET /api/v1/sessions/:id': { summary: 'One session', body: Warned },
  'GET /api/v1/sessions/:id/log': {
    summary: 'What job, agent and app wrote',
    body: Type.String({ description: 'text/plain' }),
  },
  'GET /api/v1/sessions/:id/figures': {
    summary: 'What it used in the last hour, one each half minute',
    body: Type.Object({ figures: Type.Array(Figures) }),
  },
  'POST /api/v1/sessions/:id/stop': { summary: 'End a session', body: Session },
  'POST /api/v1/sessions/:id/touch': { summary: 'Put off its end for idleness', body: Session },
  'POST /api/v1/sessions/:id/extend': { summary: 'Ask the scheduler for more time', body: Session },
  'POST /api/v1/sessions/:id/open': {
    summary: 'The address that opens it once, in your browser',
    body: Type.Object({ url: Type.String({ format: 'uri' }) }),
  },
};
