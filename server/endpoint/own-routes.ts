/** What answers on the endpoint's own origin beside the REST API: sign-in, links, pages and their forms, each with its rule. */
import type { FastifyInstance, RouteOptions } from 'fastify';
import { type Pages, registerPages } from '../web/index.ts';
import type { Rule } from './deps.ts';
import { adminView, type OwnDeps, pagesDeps } from './page-deps.ts';
import { adminRoutes } from './routes/admin.ts';
import { formRoutes } from './routes/forms.ts';
import { linkRoutes } from './routes/links.ts';
import { outlookRoutes } from './routes/outlook.ts';
import { ownDataRoutes } from './routes/own-data.ts';
import { repositoryTokenRoutes } from './routes/repository-tokens.ts';
import { tokenForms } from './routes/token-forms.ts';
import { Sooner } from './sooner.ts';

export function ownRoutes(app: FastifyInstance, own: OwnDeps): Pages {
  const { deps, signIn, state } = own;
  const sooner = new Sooner();
  withRules(app, ruleOfSignIn, (inner) => signIn.register(inner));
  const pages = withRules(app, ruleOfPage, (inner) => registerPages(inner, pagesDeps(own, sooner), own.files));
  linkRoutes(app, deps, own.clicks);
  adminRoutes(app, deps, {
    view: async () => adminView(own),
    drain: (by, words) => state.settings.set('drain', words === undefined ? undefined : said(by, { words })),
    announce: (by, text) => state.settings.set('announcement', text ? { text, ...said(by, {}) } : undefined),
  });
  formRoutes(app, deps, pages);
  outlookRoutes(app, deps, sooner);
  tokenForms(app, deps, signIn, pages);
  repositoryTokenRoutes(app, deps, pages);
  ownDataRoutes(app, deps, state);
  return pages;
}

const said = <T extends object>(by: string, more: T) => ({ ...more, by, since: new Date().toISOString() });

/** Routes that decide for themselves get the rule by which the gate lets them. */
function withRules<T>(
  app: FastifyInstance,
  ruleOf: (route: RouteOptions) => Rule,
  add: (app: FastifyInstance) => T,
): T {
  app.addHook('onRoute', (route) => {
    if (!adding) return;
    route.config = { ...route.config, rule: route.config?.rule ?? ruleOf(route) };
  });
  let adding = true;
  const added = add(app);
  adding = false;
  return added;
}

function ruleOfSignIn({ url, method }: RouteOptions): Rule {
  if (!url.startsWith('/api/')) return { who: 'anyone' };
  if (method === 'GET') return { who: 'user', scope: 'read' };
  // a token makes none, and revokes itself at most
  return { who: 'user', ...(method === 'DELETE' ? { scope: 'read' } : {}), acts: true };
}

function ruleOfPage({ url }: RouteOptions): Rule {
  return url.startsWith('/static/') ? { who: 'anyone' } : { who: 'user' };
}
