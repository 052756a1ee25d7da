/**
 * The endpoint's pages (EXPERIENCE 6): written on the server, made live by small modules where the browser runs script.
 * Pages show; what acts is a form's POST, which the endpoint handles beside its API. `registerPages` adds the GETs.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { LaunchWanted, User } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Pages, PagesDeps } from './deps.ts';
import { type Page, sendPage } from './document.ts';
import { AdminPage } from './parts/admin.ts';
import { BadgePage, type BadgeView } from './parts/badge.ts';
import { shownOf } from './parts/fields.ts';
import { NOTHING_TOLD, told } from './parts/fold.ts';
import type { Frame } from './parts/frame.ts';
import { type LaunchForm, LaunchPage } from './parts/launch-form.ts';
import { DataPage, TokensPage } from './parts/mine.ts';
import { FaultPage, NoAccountPage, SignInPage } from './parts/plain.ts';
import { ProgressPage, progressTitle } from './parts/progress.ts';
import { SessionsPage, sessionsTitle } from './parts/sessions.ts';
import { Terminal } from './parts/terminal.ts';
import { said } from './parts/words.ts';
import { doneOf, faultOf, idOf, stringsOf, titleOf, understood } from './reads.ts';
import { StaticFiles, serveFile } from './static.ts';

export type { Pages, PagesDeps, Visitor } from './deps.ts';
export { type Fields, wantedOf } from './parts/fields.ts';

/** of a log that a page shows whole */
const MOST_LINES = 5000;

export function registerPages(app: FastifyInstance, deps: PagesDeps, files: StaticFiles = new StaticFiles()): Pages {
  const address = deps.base.href.replace(/\/+$/, '');
  const base = deps.base.pathname.replace(/\/+$/, '');
  const frameOf = (req: FastifyRequest): Frame => {
    const visitor = deps.who(req.raw);
    const optional = { announcement: deps.announcement(), drained: deps.drained() };
    return {
      base,
      site: deps.site,
      now: Math.round(Date.now() / 1000),
      ...(visitor ? { user: visitor.user, xsrf: visitor.xsrf, live: deps.liveCount(visitor.user) } : {}),
      ...(optional.announcement === undefined ? {} : { announcement: optional.announcement }),
      ...(optional.drained === undefined ? {} : { drained: optional.drained }),
    };
  };
  const send = (reply: FastifyReply, page: Page) => sendPage(reply, page, files, deps.formsTo);
  const fault = (req: FastifyRequest, reply: FastifyReply, status: number, error: unknown) => {
    const title = titleOf(status);
    const frame = frameOf(req);
    return send(reply, {
      title,
      frame,
      status,
      body: html`<${FaultPage} frame=${frame} title=${title} fault=${faultOf(error)} />` as VNode,
    });
  };
  const missing = (req: FastifyRequest, reply: FastifyReply, what: string) =>
    fault(
      req,
      reply,
      404,
      new HpcbinderError('E-SESSION-UNKNOWN', { message: `there is no ${what} of yours at this address` }),
    );

  /** A page for those who are signed in; all others are sent there, and come back. */
  const page = (
    path: string,
    show: (req: FastifyRequest, reply: FastifyReply, user: User, frame: Frame) => Promise<FastifyReply>,
  ) =>
    app.get(path, async (req, reply) => {
      const frame = frameOf(req);
      if (!frame.user) return reply.code(303).header('Cache-Control', 'no-store').redirect(deps.signIn(req.url));
      try {
        return await show(req, reply, frame.user, frame);
      } catch (error) {
        return fault(req, reply, error instanceof HpcbinderError ? deps.statusOf(error) : 500, error);
      }
    });

  const showForm = async (
    reply: FastifyReply,
    user: User,
    frame: Frame,
    what: Partial<Omit<LaunchForm, 'frame'>> & { status?: number },
  ) => {
    const { status, ...rest } = what;
    const wanted: Partial<LaunchWanted> = rest.wanted ?? {};
    const form: LaunchForm = {
      ...rest,
      frame,
      wanted,
      choices: await deps.choices(user, rest.typed?.cluster ?? wanted.cluster),
    };
    const title = form.link ? `Launch ${said(form.link.shown, 120)}` : 'Launch a repository';
    return send(reply, {
      title,
      frame,
      at: '/',
      ...(status ? { status } : {}),
      live: { entry: 'launch', props: form },
      body: html`<${LaunchPage} ...${form} />` as VNode,
    });
  };

  page('/', async (req, reply, user, frame) => {
    // without script a change of the cluster asks for the form again, with what was typed in the address
    const typed = stringsOf(req.query);
    return showForm(reply, user, frame, Object.keys(typed).length > 0 ? { typed } : {});
  });
  page('/v2/:provider/*', async (req, reply, user, frame) => {
    const { wanted, ignored } = deps.link(new URL(req.url, deps.base));
    return showForm(reply, user, frame, { wanted, link: { shown: shownOf(wanted), ignored } });
  });
  page('/launches/:id', async (req, reply, user, frame) => {
    const launch = deps.launch(user, idOf(req));
    if (!launch) return missing(req, reply, 'launch');
    const story = deps
      .events(user, launch.id)
      .reduce((so, event) => (event.type === 'launch' ? so : told(so, event)), NOTHING_TOLD);
    const view = { frame, launch, story };
    const refresh = launch.state === 'running' ? { refreshSeconds: 5 } : {};
    return send(reply, {
      title: progressTitle(view),
      frame,
      ...refresh,
      live: { entry: 'progress', props: view },
      body: html`<${ProgressPage} ...${view} />` as VNode,
    });
  });
  const showLog = (reply: FastifyReply, frame: Frame, name: string, back: string, all: readonly string[]) => {
    const lines = all.slice(-MOST_LINES);
    const label = `Log of ${said(name, 120)}`;
    const body = html`<h1>${label}</h1><p><a href="${base}${back}">Back</a></p><${Terminal} lines=${lines} label=${label} left=${all.length - lines.length} />`;
    return send(reply, { title: label, frame, body: body as VNode });
  };
  page('/launches/:id/log', async (req, reply, user, frame) => {
    const launch = deps.launch(user, idOf(req));
    if (!launch) return missing(req, reply, 'launch');
    const lines = deps.events(user, launch.id).flatMap((event) => (event.type === 'log' ? [event.line] : []));
    return showLog(reply, frame, shownOf(launch.wanted), `/launches/${launch.id}`, lines);
  });
  page('/sessions', async (req, reply, user, frame) => {
    const view = { frame, sessions: await deps.sessions(user), launches: deps.launches(user), ...doneOf(req) };
    return send(reply, {
      title: sessionsTitle(view.sessions),
      frame,
      at: '/sessions',
      live: { entry: 'sessions', props: view },
      body: html`<${SessionsPage} ...${view} />` as VNode,
    });
  });
  page('/sessions/:id/log', async (req, reply, user, frame) => {
    const found = await deps.log(user, idOf(req));
    if (!found) return missing(req, reply, 'session');
    return showLog(reply, frame, found.shown, '/sessions', found.text.replace(/\n$/, '').split('\n'));
  });
  page('/badge', async (req, reply, _user, frame) => {
    const typed = stringsOf(req.query);
    const view: BadgeView = {
      frame,
      address,
      apps: deps.apps,
      typed,
      ...understood(typed),
    };
    return send(reply, {
      title: 'Badge',
      frame,
      at: '/badge',
      live: { entry: 'badge', props: view },
      body: html`<${BadgePage} ...${view} />` as VNode,
    });
  });
  const showTokens = (reply: FastifyReply, user: User, frame: Frame, how: { made?: string; error?: unknown }) => {
    const view = {
      frame,
      address,
      tokens: deps.tokens(user),
      ...(how.made ? { made: how.made } : {}),
      ...(how.error === undefined ? {} : { fault: faultOf(how.error) }),
    };
    return send(reply, {
      title: 'API tokens',
      frame,
      at: '/tokens',
      ...(how.error === undefined ? {} : { status: 400 }),
      body: html`<${TokensPage} ...${view} />` as VNode,
    });
  };
  page('/tokens', async (_req, reply, user, frame) => showTokens(reply, user, frame, {}));
  page('/me', async (_req, reply, _user, frame) =>
    send(reply, {
      title: 'Your data',
      frame,
      at: '/me',
      body: html`<${DataPage} frame=${frame} retentionDays=${deps.retentionDays()} />` as VNode,
    }),
  );
  page('/admin', async (req, reply, user, frame) => {
    // who may not know of the page is told what everybody is told who asks for a page that is not there
    if (!user.roles.includes('admin')) return missing(req, reply, 'page');
    return send(reply, {
      title: 'Admin',
      frame,
      at: '/admin',
      body: html`<${AdminPage} frame=${frame} admin=${await deps.admin(user)} />` as VNode,
    });
  });
  app.get('/static/:name', async (req, reply) => serveFile(req, reply, files));

  return {
    files,
    fault,
    launchAgain: async (req, reply, fields, error) => {
      const frame = frameOf(req);
      if (!frame.user) return reply.code(303).redirect(deps.signIn(`${base}/`));
      return showForm(reply, frame.user, frame, { typed: stringsOf(fields), fault: faultOf(error), status: 400 });
    },
    tokens: (req, reply, how) => {
      const frame = frameOf(req);
      return frame.user
        ? showTokens(reply, frame.user, frame, how)
        : reply.code(303).redirect(deps.signIn(`${base}/tokens`));
    },
    signIn: (req, reply, { status, ...how }) => {
      const frame = frameOf(req);
      return send(reply, {
        title: 'Sign in',
        frame,
        status: status ?? 200,
        body: html`<${SignInPage} frame=${frame} ...${how} />` as VNode,
      });
    },
    noAccount: (req, reply, how) => {
      const frame = frameOf(req);
      return send(reply, {
        title: 'No account',
        frame,
        status: 403,
        body: html`<${NoAccountPage} frame=${frame} ...${how} />` as VNode,
      });
    },
  };
}
