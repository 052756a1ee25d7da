/** The pages on a fake endpoint: the real routes, files and browser; who is signed in and what is answered is canned. */
import { existsSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import formbody from '@fastify/formbody';
import Fastify, { type FastifyInstance } from 'fastify';
import ts from 'typescript';
import type { LaunchEvent, LaunchView, SessionView, SoonerView, User } from '../../../core/endpoint.ts';
import { asHpcbinderError, HpcbinderError } from '../../../core/errors.ts';
import { BADGE_HEADERS, badge, readLink } from '../../../server/links/index.ts';
import { pageHeaders } from '../../../server/web/document.ts';
import { type PagesDeps, registerPages, wantedOf } from '../../../server/web/index.ts';
import { StaticFiles } from '../../../server/web/static.ts';
import { ADMIN, ALICE, choices, EVENTS, FAILED, FORECAST, figures, LAUNCH, SESSIONS, TOKENS } from './canned.ts';

export const XSRF = 'x'.repeat(43);

export type FakeEndpoint = {
  url: string;
  app: FastifyInstance;
  /** what was posted, in the order it came */
  posted: { path: string; body: Record<string, unknown> }[];
  world: {
    user: User | undefined;
    sessions: readonly SessionView[];
    launch: LaunchView;
    announcement?: string;
    drained?: string;
    mayTouch: boolean;
    sooner?: SoonerView;
    /** the cluster says in time what it offers */
    offers: boolean;
    /** ends the event streams that are open, and refuses new ones while set */
    down: boolean;
  };
  /** to all event streams that are open */
  tell(event: LaunchEvent): void;
  /** breaks the event streams that are open */
  cut(): void;
  /** the launch is again where it began */
  restart(): void;
  close(): Promise<void>;
};

/** Modules as the build makes them, from the sources. */
export function transpiled(path: string): string {
  const source = path.replace(/\.js$/, '.ts');
  if (!existsSync(source) || path.includes('node_modules')) return readFileSync(path, 'utf8');
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true };
  return ts.transpileModule(readFileSync(source, 'utf8'), { compilerOptions }).outputText;
}

export async function fakeEndpoint(base = ''): Promise<FakeEndpoint> {
  const world: FakeEndpoint['world'] = {
    user: ALICE,
    sessions: SESSIONS,
    launch: LAUNCH,
    mayTouch: true,
    offers: true,
    down: false,
  };
  const posted: FakeEndpoint['posted'] = [];
  const streams = new Set<ServerResponse>();
  const told: LaunchEvent[] = [...EVENTS];
  const app = Fastify({ forceCloseConnections: true });
  await app.register(formbody);
  await app.register(
    async (at) => {
      const deps: PagesDeps = {
        base: new URL(`http://127.0.0.1${base}/`),
        site: 'University HPC',
        apps: ['lab', 'notebook'],
        formsTo: ['http://*.localhost:*'],
        who: () => world.user && { user: world.user, xsrf: XSRF },
        signIn: (next) => `${base}/sign-in?next=${encodeURIComponent(next)}`,
        announcement: () => world.announcement,
        drained: () => world.drained,
        mayTouch: () => world.mayTouch,
        retentionDays: () => 180,
        liveCount: () => world.sessions.filter(({ phase }) => phase !== 'ended').length,
        link: (url) => readLink(url, { base: `${base}/` }),
        choices: async (_user, { cluster }) => {
          const { offers, ...rest } = choices(cluster);
          return { ...rest, ...(offers && world.offers ? { offers } : {}) };
        },
        launch: (_user, id) => (id === world.launch.id ? world.launch : undefined),
        launches: () => [world.launch, FAILED],
        sooner: () => world.sooner,
        events: () => told,
        sessions: async () => world.sessions,
        log: async (_user, id) =>
          id === SESSIONS[0]?.id
            ? { shown: 'org/climate-notebooks', text: 'one\n\u001b[31mtwo\u001b[0m <b>\n' }
            : undefined,
        repositoryTokens: async () => [{ host: 'git.example.edu', user: 'alice' }],
        tokens: () => TOKENS,
        admin: async () => ADMIN,
      };
      const pages = registerPages(at, deps, new StaticFiles(transpiled));
      const refusalOf = (error: unknown, status = 400) => {
        const { code, message, hint } = asHpcbinderError(error);
        return { status: code === 'E-SESSION-UNKNOWN' ? 404 : status, code, message, ...(hint ? { hint } : {}) };
      };
      at.setErrorHandler((error, req, reply) => {
        const refusal = refusalOf(error);
        return reply
          .code(refusal.status)
          .headers(pageHeaders([]))
          .type('text/html; charset=utf-8')
          .send(pages.errorPage(req, refusal));
      });
      at.get('/sign-in', (_req, reply) => reply.type('text/html').send('<!doctype html><title>sign-in</title>'));
      at.get('/badge_logo.svg', (_req, reply) => reply.headers(BADGE_HEADERS).send(badge('badge_logo.svg')));
      at.get('/api/v1/sessions', () => ({ sessions: world.sessions }));
      at.get('/api/v1/launches', () => ({ launches: [world.launch, FAILED] }));
      at.get('/api/v1/sessions/:id/figures', () => ({ figures: figures() }));
      at.get('/api/v1/clusters/:name/offers', (req) => choices((req.params as { name: string }).name).offers);
      at.post('/api/v1/resolve', (req, reply) => {
        const { spec } = req.body as { spec: string };
        if (req.headers['x-xsrftoken'] !== XSRF)
          return reply.code(403).send({ error: { code: 'E-XSRF', message: 'no token' } });
        if (spec.includes('missing'))
          return reply.code(404).send({
            error: { code: 'E-REPO-MISSING', message: 'there is no such repository', hint: 'Is it private?' },
          });
        return {
          shown: spec.split('/').slice(0, 2).join('/'),
          commit: '4f1c2ab'.padEnd(40, '0'),
          ref: 'main',
          notes: ['3 hours ago'],
        };
      });
      at.post('/api/v1/forecast', (req) => {
        const { gpus = 0 } = req.body as { gpus?: number };
        // more than there are
        return gpus > 4
          ? { notes: [], start: { by: 'scheduler', refused: 'no node has so many GPUs' } }
          : gpus > 1
            ? { ...FORECAST, start: { by: 'scheduler', at: Math.round(Date.now() / 1000) + 3 * 3600 } }
            : FORECAST;
      });
      at.get('/api/v1/launches/:id/events', (req, reply) => {
        if (world.down) return reply.code(503).send({ error: { code: 'E-DOWN', message: 'down' } });
        reply.hijack();
        reply.raw.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
        for (const event of told) reply.raw.write(`data: ${JSON.stringify(event)}\n\n`);
        streams.add(reply.raw);
        req.raw.on('close', () => streams.delete(reply.raw));
      });
      at.post('/launch', async (req, reply) => {
        posted.push({ path: '/launch', body: req.body as Record<string, unknown> });
        try {
          wantedOf(req.body as Record<string, unknown>);
        } catch (error) {
          return pages.launchAgain(req, reply, req.body as Record<string, unknown>, refusalOf(error));
        }
        return reply.code(303).redirect(`${base}/launches/${LAUNCH.id}`);
      });
      at.post('/tokens', (req, reply) => {
        posted.push({ path: '/tokens', body: req.body as Record<string, unknown> });
        return pages.tokens(req, reply, { made: 'hbt_shown-once' });
      });
      at.post('/*', (req, reply) => {
        const path = req.url.slice(base.length);
        posted.push({ path, body: req.body as Record<string, unknown> });
        if (path.endsWith('/extend')) {
          throw new HpcbinderError('E-LIMIT', {
            message: 'this scheduler lets users only shorten',
            hint: 'Ask the site.',
          });
        }
        return reply.code(303).redirect(`${base}/sessions?done=stopped`);
      });
    },
    { prefix: base },
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}${base}`;
  return {
    url,
    app,
    posted,
    world,
    tell: (event) => {
      told.push(event);
      if (event.type === 'launch') world.launch = event.launch;
      for (const stream of streams) stream.write(`data: ${JSON.stringify(event)}\n\n`);
    },
    cut: () => {
      for (const stream of streams) stream.destroy();
    },
    restart: () => {
      told.splice(0, told.length, ...EVENTS);
      world.launch = LAUNCH;
    },
    close: () => app.close(),
  };
}
