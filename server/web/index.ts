/**
 * The endpoint's pages (EXPERIENCE 6): written on the server, made live by small modules where the browser runs script.
 * Pages show; what acts is a form's POST, which the endpoint handles beside its API. `registerPages` adds the GETs.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { LaunchWanted, Role, User } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Pages, PagesDeps } from './deps.ts';
import { documentOf, type Page, sendPage } from './document.ts';
import type { Fields } from './parts/fields.ts';
import type { Frame } from './parts/frame.ts';
import type { LaunchForm } from './parts/launch-form.ts';
import { forCards } from './parts/sessions.ts';
import { shownOf } from './parts/shown.ts';
import { StaticFiles, serveFile } from './static.ts';
import {
  adminPage,
  badgePage,
  dataPage,
  faultPage,
  formPage,
  launchLogPage,
  logPage,
  progressPage,
  repositoriesPage,
  sessionsPage,
  tokensPage,
} from './views.ts';

export type { Pages, PagesDeps, Refusal, Visitor } from './deps.ts';
export { type Fields, wantedOf } from './parts/fields.ts';
export { StaticFiles } from './static.ts';

/** What was done before the page was asked for again; a word of the address is looked up, never shown. */
const DONE: ReadonlyMap<string, string> = new Map([
  ['stopped', 'Stopped. The work directory is kept.'],
  ['extended', 'Extended.'],
  ['touched', 'It stays.'],
  ['cancelled', 'The launch is cancelled.'],
]);

/** Rules of the routes, as the endpoint's gate reads them (SECURITY R6). */
type Rule = { config: { rule: { who: 'anyone' | Role } } };
const FOR_USERS: Rule = { config: { rule: { who: 'user' } } };
const FOR_ADMINS: Rule = { config: { rule: { who: 'admin' } } };
const FOR_ANYONE: Rule = { config: { rule: { who: 'anyone' } } };

type Show = (req: FastifyRequest, user: User, frame: Frame) => Page | Promise<Page>;

/** `files`: for a test that runs the sources. Errors go to the app's error handler, which shows `errorPage`. */
export function registerPages(app: FastifyInstance, deps: PagesDeps, files: StaticFiles = new StaticFiles()): Pages {
  const address = deps.base.href.replace(/\/+$/, '');
  const base = deps.base.pathname.replace(/\/+$/, '');
  const frameOf = (req: FastifyRequest): Frame => {
    const visitor = deps.who(req.raw);
    const [announcement, drained] = [deps.announcement(), deps.drained()];
    return {
      base,
      site: deps.site,
      now: Math.round(Date.now() / 1000),
      ...(visitor ? { ...visitor, live: deps.liveCount(visitor.user) } : {}),
      ...(announcement === undefined ? {} : { announcement }),
      ...(drained === undefined ? {} : { drained }),
    };
  };
  const send = (reply: FastifyReply, page: Page) => sendPage(reply, page, files, deps.formsTo);
  const toSignIn = (reply: FastifyReply, next: string) =>
    reply.code(303).header('Cache-Control', 'no-store').redirect(deps.signIn(next));

  /** A page for those who are signed in; all others are sent there, and come back. */
  const page = (path: string, show: Show, rule = FOR_USERS) =>
    app.get(path, rule, async (req, reply) => {
      const frame = frameOf(req);
      if (!frame.user) return toSignIn(reply, req.originalUrl);
      return send(reply, await show(req, frame.user, frame));
    });
  const form = async (user: User, frame: Frame, what: Partial<Omit<LaunchForm, 'frame' | 'choices'>>) => {
    const wanted = what.wanted ?? {};
    const cluster = what.typed?.cluster ?? wanted.cluster;
    const choices = await deps.choices(user, { ...wanted, ...(cluster === undefined ? {} : { cluster }) });
    return formPage({ ...what, frame, wanted, choices });
  };

  page('/', (req, user, frame) => {
    // without script a change of the cluster asks for the form again, with what was typed in the address
    const typed = stringsOf(req.query);
    return form(user, frame, Object.keys(typed).length > 0 ? { typed, wanted: tickedOf(req.query) } : {});
  });
  page('/v2/:provider/*', (req, user, frame) => {
    const { wanted, ignored } = deps.link(new URL(req.url, deps.base));
    return form(user, frame, { wanted, link: { shown: shownOf(wanted), ignored } });
  });
  page('/launches/:id', (req, user, frame) => {
    const launch = deps.launch(user, idOf(req)) ?? missing('launch');
    return progressPage(frame, launch, deps.events(user, launch.id), deps.sooner(user, launch.id));
  });
  page('/launches/:id/log', (req, user, frame) => {
    const launch = deps.launch(user, idOf(req)) ?? missing('launch');
    return launchLogPage(frame, launch, deps.events(user, launch.id));
  });
  page('/sessions', async (req, user, frame) => {
    const done = DONE.get(stringsOf(req.query).done ?? '');
    const shown = forCards(await deps.sessions(user), deps.launches(user), frame.now);
    return sessionsPage({ frame, ...shown, mayTouch: deps.mayTouch(), ...(done === undefined ? {} : { done }) });
  });
  page('/sessions/:id/log', async (req, user, frame) => {
    const { shown, text } = (await deps.log(user, idOf(req))) ?? missing('session');
    return logPage(frame, shown, '/sessions', text === '' ? [] : text.replace(/\n$/, '').split('\n'));
  });
  page('/badge', (req, _user, frame) => badgePage({ frame, address, apps: deps.apps, typed: stringsOf(req.query) }));
  page('/tokens', (_req, user, frame) => tokensPage(frame, address, deps.tokens(user)));
  page('/repositories', async (_req, user, frame) => repositoriesPage(frame, await deps.repositoryTokens(user)));
  page('/me', (_req, _user, frame) => dataPage(frame, deps.retentionDays()));
  page(
    '/admin',
    // who may not know of the page is told what everybody is told who asks for one that is not there
    async (_req, user, frame) =>
      adminPage(frame, user.roles.includes('admin') ? await deps.admin(user) : missing('page')),
    FOR_ADMINS,
  );
  app.get('/static/:name', FOR_ANYONE, async (req, reply) => serveFile(idOf(req, 'name'), req, reply, files));

  return {
    launchAgain: async (req, reply, fields, refusal) => {
      const frame = frameOf(req);
      if (!frame.user) return toSignIn(reply, `${base}/`);
      const typed = stringsOf(fields);
      const again = await form(frame.user, frame, { typed, wanted: tickedOf(fields), fault: refusal });
      return send(reply, { ...again, status: refusal.status });
    },
    tokens: (req, reply, how) => {
      const frame = frameOf(req);
      if (!frame.user) return toSignIn(reply, `${base}/tokens`);
      return send(reply, tokensPage(frame, address, deps.tokens(frame.user), how));
    },
    repositories: async (req, reply, refusal) => {
      const frame = frameOf(req);
      if (!frame.user) return toSignIn(reply, `${base}/repositories`);
      return send(reply, repositoriesPage(frame, await deps.repositoryTokens(frame.user), refusal));
    },
    errorPage: (req, refusal) => documentOf(faultPage(frameOf(req), refusal), files),
  };
}

/** Somebody else's is as one that does not exist (SECURITY WEB-02). */
function missing(what: string): never {
  throw new HpcbinderError('E-SESSION-UNKNOWN', { message: `there is no ${what} of yours at this address` });
}

function idOf({ params }: FastifyRequest, name = 'id'): string {
  return stringsOf(params)[name] ?? '';
}

/** What was ticked in the form, for the form that is shown again. */
function tickedOf(fields: unknown): Pick<LaunchWanted, 'data' | 'fresh'> {
  const { data, fresh } = (fields ?? {}) as Fields;
  const names = [data].flat().filter((name): name is string => typeof name === 'string' && name !== '');
  return { ...(names.length > 0 ? { data: names } : {}), ...(fresh === 'on' ? { fresh: true } : {}) };
}

/** Of a query, params or a posted form: the fields that have one value, cut where no field is so long. */
function stringsOf(fields: unknown): Record<string, string> {
  if (typeof fields !== 'object' || fields === null) return {};
  const entries = Object.entries(fields);
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value.slice(0, 2000)]] : [])),
  );
}
