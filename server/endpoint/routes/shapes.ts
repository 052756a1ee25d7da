/** Bodies and queries of the REST API, checked before any code of ours sees them; the OpenAPI file is made of them. */
import { type Static, Type } from '@sinclair/typebox';
import { APPS } from '../../../core/apps.ts';

const name = (most = 128) => Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9_.@+:-]*$', maxLength: most });

export const LaunchBody = Type.Object(
  {
    provider: Type.String({ pattern: '^[a-z]{1,20}$', description: 'gh, gist, git, gl: as in a launch link' }),
    spec: Type.String({ minLength: 1, maxLength: 2000, description: 'what stands after the provider: org/repo/ref' }),
    cluster: Type.Optional(name()),
    partition: Type.Optional(name()),
    seconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 31_622_400 })),
    cpus: Type.Optional(Type.Integer({ minimum: 1, maximum: 4096 })),
    memoryMb: Type.Optional(Type.Integer({ minimum: 1, maximum: 1 << 30 })),
    gpus: Type.Optional(Type.Integer({ minimum: 0, maximum: 1024 })),
    gpuType: Type.Optional(name(64)),
    account: Type.Optional(name()),
    qos: Type.Optional(name()),
    app: Type.Optional(Type.Union(APPS.map((app) => Type.Literal(app)))),
    path: Type.Optional(Type.String({ maxLength: 2000 })),
    data: Type.Optional(Type.Array(name(), { maxItems: 32 })),
    fresh: Type.Optional(Type.Boolean()),
    idleSeconds: Type.Optional(
      Type.Integer({ minimum: 60, maximum: 31_622_400, description: 'the session ends after so long without use' }),
    ),
  },
  { additionalProperties: false },
);
export type LaunchBody = Static<typeof LaunchBody>;

export const RepoBody = Type.Pick(LaunchBody, ['provider', 'spec'], { additionalProperties: false });
export const SecondsBody = Type.Object(
  { seconds: Type.Integer({ minimum: 60, maximum: 31_622_400 }) },
  { additionalProperties: false },
);
/** as a resolve answered it: of this one alone an image can be known */
export const ForecastBody = Type.Composite(
  [LaunchBody, Type.Object({ commit: Type.Optional(Type.String({ pattern: '^[0-9a-f]{40,64}$' })) })],
  { additionalProperties: false },
);
export const ShapeBody = Type.Object(
  {
    partition: Type.Optional(name()),
    seconds: Type.Integer({ minimum: 1, maximum: 31_622_400 }),
    cpus: Type.Integer({ minimum: 1, maximum: 4096 }),
    memoryMb: Type.Integer({ minimum: 1, maximum: 1 << 30 }),
    gpus: Type.Integer({ minimum: 0, maximum: 1024 }),
    gpuType: Type.Optional(name(64)),
  },
  { additionalProperties: false },
);
export const PathBody = Type.Object(
  { path: Type.Optional(Type.String({ maxLength: 2000 })) },
  { additionalProperties: false },
);
export const SessionId = Type.Object({ id: Type.String({ pattern: '^hb-[a-z0-9]{10}$' }) });
export const LaunchId = Type.Object({ id: Type.String({ pattern: '^la-[0-9a-f]{16}$' }) });
export const ClusterName = Type.Object({ name: name() });
