/** REST API for admins: all sessions and launches, the audit log, the policy as loaded, drain and announcement. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { AdminView } from '../../../core/endpoint.ts';
import type { Deps } from '../deps.ts';
import { userOf } from './launches.ts';

const Words = Type.Object(
  { on: Type.Boolean(), words: Type.Optional(Type.String({ maxLength: 500 })) },
  { additionalProperties: false },
);

export type AdminDeps = {
  view(): Promise<AdminView>;
  drain(words: string | undefined): void;
  announce(words: string | undefined): void;
};

export function adminRoutes(app: FastifyInstance, deps: Deps, admin: AdminDeps): void {
  const read = { config: { rule: { who: 'admin', scope: 'admin' } } } as const;
  const acts = { config: { rule: { who: 'admin', scope: 'admin', acts: true } }, schema: { body: Words } } as const;

  app.get('/api/v1/admin', read, async () => admin.view());
  for (const [name, set] of [
    ['drain', admin.drain],
    ['announcement', admin.announce],
  ] as const) {
    app.post(`/api/v1/admin/${name}`, acts, async (request) => {
      const { on, words = '' } = request.body as { on: boolean; words?: string };
      set(on ? words : undefined);
      const detail = on ? words : 'off';
      deps.kept.audit.write({ account: userOf(request).account, action: name, from: request.ip, detail });
      return { [name]: on ? words : null };
    });
  }
}
