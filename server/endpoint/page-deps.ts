/** What the pages show, from what the endpoint knows: the user's own, judged here once for all of them. */
import type { AdminView, LaunchView, SessionView, User } from '../../core/endpoint.ts';
import { explain, type PolicyFile } from '../policy/index.ts';
import type { BuildTokens, SignIn } from '../sign-in/index.ts';
import type { State } from '../state/index.ts';
import type { PagesDeps, StaticFiles } from '../web/index.ts';
import type { Deps } from './deps.ts';
import type { Sooner } from './sooner.ts';

export type OwnDeps = {
  signIn: SignIn;
  policy: PolicyFile;
  state: State;
  clicks: BuildTokens;
  deps: Deps;
  /** of the pages, where they are not those that the build has made */
  files?: StaticFiles;
};

const MOST_LISTED = 200;
const LOG_MS = 60_000;
const DAY_S = 86_400;

export function pagesDeps({ deps, policy, state, signIn }: OwnDeps, sooner: Sooner): PagesDeps {
  const { live, launches, kept, judge, base } = deps;
  const ownLaunch = (user: User, id: string): LaunchView | undefined => {
    const view = launches.view(id);
    return view?.account === user.account ? view : undefined;
  };
  return {
    base,
    site: base.hostname,
    get apps() {
      return policy.value.apps;
    },
    formsTo: policy.value.sessions === 'wildcard' ? [`${base.protocol}//*.${base.host}`] : [],
    who: (req) => {
      const who = signIn.who(req);
      return who?.via === 'login' && who.xsrf !== undefined ? { user: who.user, xsrf: who.xsrf } : undefined;
    },
    signIn: signIn.signInUrl,
    announcement: () => state.settings.get('announcement')?.text ?? policy.value.banner,
    drained: () => {
      const drain = state.settings.get('drain');
      return drain && (drain.words ?? '');
    },
    mayTouch: () => judge.mayTouch,
    retentionDays: () => Math.round(policy.value.retentionSeconds / DAY_S),
    liveCount: ({ account }) => state.sessions({ account, live: true }).length,
    link: judge.link,
    choices: (user, asked) => judge.choices(user, asked, AbortSignal.timeout(LOG_MS)),
    launch: ownLaunch,
    launches: ({ account }) =>
      kept.launches({ account, limit: MOST_LISTED }).map((one) => launches.view(one.id) ?? one),
    sooner: (user, id) => {
      const launch = ownLaunch(user, id);
      return launch && sooner.known(launch);
    },
    events: (user, id) => (ownLaunch(user, id) ? launches.told(id) : []),
    sessions: async ({ account }): Promise<readonly SessionView[]> =>
      kept.sessions({ account, limit: MOST_LISTED }).map((row) => live.view(row)),
    async log(user, id) {
      const row = kept.session(id);
      if (row?.account !== user.account) return undefined;
      const text = await deps.services.log(user, row.record, AbortSignal.timeout(LOG_MS));
      return { shown: row.record.repo.shown, text };
    },
    tokens: ({ account }) => state.tokens.list(account),
    repositoryTokens: (user) => deps.services.repositoryTokens.list(user),
    admin: async () => adminView({ deps, policy, state }),
  };
}

export function adminView({ deps, policy, state }: Pick<OwnDeps, 'deps' | 'policy' | 'state'>): AdminView {
  const { live, launches } = deps;
  const drain = state.settings.get('drain');
  const announcement = state.settings.get('announcement')?.text;
  // on their way all of them, however many came after: an admin has to find the one that is to be cancelled
  const going = [...launches.running()];
  const kept = state.launches({ limit: MOST_LISTED }).map((one) => launches.view(one.id) ?? one);
  return {
    sessions: state.sessions({ live: true }).map((row) => live.view(row)),
    launches: [...going.reverse(), ...kept.filter(({ id }) => !going.some((one) => one.id === id))],
    users: state.logins.users(MOST_LISTED),
    audit: state.audit.read({ limit: MOST_LISTED }),
    builds: state.images.builds(MOST_LISTED),
    images: state.images.list(MOST_LISTED),
    policy: {
      file: policy.path,
      loadedAt: policy.loadedAt.toISOString(),
      lines: explain(policy.value),
      ...(policy.error ? { error: policy.error.message } : {}),
    },
    ...(drain ? { drained: drain.words ?? '' } : {}),
    ...(announcement ? { announcement } : {}),
  };
}
