/** What answers on the endpoint's own origin beside the REST API: sign-in, links, pages and their forms, each with its rule. */
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { PolicyFile } from '../policy/index.ts';
import type { BuildTokens, SignIn } from '../sign-in/index.ts';
import type { State } from '../state/index.ts';
import { type Pages, registerPages, type StaticFiles } from '../web/index.ts';
import type { Deps, Rule } from './deps.ts';
import { adminView, pagesDeps } from './page-deps.ts';
import { adminRoutes } from './routes/admin.ts';
import { formRoutes } from './routes/forms.ts';
import { linkRoutes } from './routes/links.ts';
import { ownDataRoutes } from './routes/own-data.ts';
import { tokenForms } from './routes/token-forms.ts';

export type OwnDeps = {
  signIn: SignIn;
  policy: PolicyFile;
  state: State;
  clicks: BuildTokens;
  deps: Deps;
  /** of the pages, where they are not those that the build has made */
  files?: StaticFiles;
};

export function ownRoutes(app: FastifyInstance, own: OwnDeps): Pages {
  const { deps, signIn, state } = own;
  let pages: Pages | undefined;
  withRules(app, ruleOfSignIn, (inner) => signIn.register(inner));
  withRules(app, ruleOfPage, (inner) => {
    pages = registerPages(inner, pagesDeps(own), own.files);
  });
  linkRoutes(app, deps, own.clicks);
  adminRoutes(app, deps, {
    view: async () => adminView(own),
    drain: (by, words) => state.settings.set('drain', words === undefined ? undefined : said(by, { words })),
    announce: (by, text) => state.settings.set('announcement', text ? { text, ...said(by, {}) } : undefined),
  });
  if (!pages) throw new Error('pages are registered at once');
  formRoutes(app, deps, pages);
  tokenForms(app, deps, signIn, pages);
  ownDataRoutes(app, deps, state);
  return pages;
}

const said = <T extends object>(by: string, more: T) => ({ ...more, by, since: new Date().toISOString() });

/** Routes that decide for themselves get the rule by which the gate lets them. */
function withRules(app: FastifyInstance, ruleOf: (route: RouteOptions) => Rule, add: (app: FastifyInstance) => void) {
  app.addHook('onRoute', (route) => {
    if (!adding) return;
    route.config = { ...route.config, rule: route.config?.rule ?? ruleOf(route) };
  });
  let adding = true;
  add(app);
  adding = false;
}

function ruleOfSignIn({ url, method }: RouteOptions): Rule {
  if (!url.startsWith('/api/')) return { who: 'anyone' };
  if (method === 'GET') return { who: 'user', scope: 'read' };
  return { who: 'user', scope: 'read', acts: true };
}

function ruleOfPage({ url }: RouteOptions): Rule {
  return url.startsWith('/static/') ? { who: 'anyone' } : { who: 'user' };
}
