/** REST API for admins: all sessions and launches, the audit log, the policy as loaded, drain and announcement. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AdminView } from '../../../core/endpoint.ts';
import type { Deps } from '../deps.ts';
import { userOf } from './launches.ts';

const Words = Type.Object(
  { on: Type.Boolean(), words: Type.Optional(Type.String({ maxLength: 500 })) },
  { additionalProperties: false },
);

export type AdminDeps = {
  view(): Promise<AdminView>;
  /** undefined: launches are accepted again, and nothing is announced */
  drain(by: string, words: string | undefined): void;
  announce(by: string, words: string | undefined): void;
};

export function adminRoutes(app: FastifyInstance, deps: Deps, admin: AdminDeps): void {
  const read = { config: { rule: { who: 'admin', scope: 'admin' } } } as const;
  const acts = { config: { rule: { who: 'admin', scope: 'admin', acts: true } }, schema: { body: Words } } as const;

  app.get('/api/v1/admin', read, async () => admin.view());
  for (const [name, set] of [
    ['drain', admin.drain],
    ['announcement', admin.announce],
  ] as const) {
    const change = (request: FastifyRequest, words: string | undefined) => {
      const { account } = userOf(request);
      set(account, words);
      deps.kept.audit.write({ account, action: name, from: request.ip, detail: words ?? 'off' });
    };
    app.post(`/api/v1/admin/${name}`, acts, async (request) => {
      const { on, words = '' } = request.body as { on: boolean; words?: string };
      change(request, on ? words : undefined);
      return { [name]: on ? words : null };
    });
    app.post(`/admin/${name}`, { config: { rule: { who: 'admin', acts: true } } }, async (request, reply) => {
      const { on, why, text } = request.body as { on?: string; why?: string; text?: string };
      change(request, name === 'drain' ? (on === '1' ? (why ?? '') : undefined) : text || undefined);
      return reply.redirect(`${deps.base.pathname}admin`, 303);
    });
  }
}
