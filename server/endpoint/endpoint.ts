/**
 * `serve`: one process that answers the endpoint's own origin and proxies every session's. What is kept is read first, so
 * that routes are back before a scheduler is asked; what was on its way is taken up (DESIGN 2, 11).
 */

import { dirname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { KeptSession, Services, User } from '../../core/endpoint.ts';
import { asHpcbinderError } from '../../core/errors.ts';
import { createFront } from '../front.ts';
import { LIMITS, type Limits } from '../limits.ts';
import type { PolicyFile } from '../policy/index.ts';
import { BuildTokens, Codes, createSignIn, EndpointAccess } from '../sign-in/index.ts';
import { keepHouse } from '../state/housekeeping.ts';
import { LaunchEvents, type State } from '../state/index.ts';
import type { Pages, StaticFiles } from '../web/index.ts';
import { createApp, type RouteRow } from './app.ts';
import { Culls } from './culls.ts';
import type { Deps } from './deps.ts';
import { createJudge } from './judge.ts';
import { Launches } from './launches.ts';
import { guestsAt, type Listening, listenAt } from './listen.ts';
import { Live, type Place } from './live.ts';
import { ownRoutes } from './own-routes.ts';
import { enteringUser, signInOptions, userOfAccount } from './people.ts';
import { Reaper } from './reaper.ts';
import { Pressure, type Room, roomHere, tooLittle } from './room.ts';

const DAY_SECONDS = 86_400;

export type EndpointOptions = {
  services: Services;
  state: State;
  policy: PolicyFile;
  product: string;
  /** one structured line of the service's log */
  log(line: Record<string, unknown>): void;
  /** shorter deadlines: a test */
  limits?: Partial<Limits>;
  /** files and memory, where it is not what the process has: a test */
  room?: Room;
  /** what browsers load, where it is not what the build has made: a test runs the sources */
  files?: StaticFiles;
};

export type Endpoint = Listening & { url: string; routes: readonly RouteRow[] };

/** Listens as the policy says, until `close`. Sessions live on. Throws what of the policy, the state or the sign-in is wrong. */
export async function openEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const { services, state, policy, log, product } = options;
  const base = new URL(policy.value.url);
  const limits = { ...LIMITS, ...options.limits };
  const codes = new Codes();
  const clicks = new BuildTokens();
  const signIn = await createSignIn(signInOptions(policy, services.siteLogin), state, base);
  const userOf = (account: string): User => userOfAccount(policy.value, account);

  const placeOf = (id: string, shared: boolean): Place =>
    shared
      ? { origin: base.origin, base: `${base.pathname}s/${id}/` }
      : { origin: `${base.protocol}//${id}.${base.host}`, base: '/' };
  // also of sessions that are over, so that nothing of theirs is taken for the endpoint's own
  const room = options.room ?? roomHere();
  const pressure = new Pressure(room, log);
  const below = (target = '') => target.startsWith(`${base.pathname}s/`);
  const live = new Live({
    services,
    kept: state,
    limits,
    placeOf,
    accessOf: (record, account, place) =>
      new EndpointAccess({
        session: record.id,
        owner: account,
        cookieKey: record.secrets.cookieKey,
        path: place.base,
        secure: base.protocol === 'https:',
        codes,
        login: signIn.login,
        alive: signIn.alive,
      }),
    userOf,
    mayTouch: () => policy.value.culling.touch,
    home: new URL('sessions', base).href,
  });
  const events = new LaunchEvents(join(dirname(state.path), 'launches.jsonl'), base.hostname);
  const launches: Launches = new Launches({
    services,
    kept: state,
    onReady: (row) => live.add(row),
    baseOf: (id, granted) => (granted.sharedOrigin ? placeOf(id, true).base : undefined),
    log,
    onEnded: (record) => log({ event: 'ended', session: record.id, why: record.ended?.why }),
    onOver: (view, commit) => {
      try {
        events.write({ ...view, ...(commit ? { ref: commit } : {}) });
      } catch (cause) {
        log({ event: 'state', words: asHpcbinderError(cause).message });
      }
    },
  });
  let pages: Pages;
  const deps: Deps = {
    services,
    kept: state,
    launches,
    live,
    extending: new Set(),
    judge: createJudge({ policy, services, state, launches: () => launches, pressure }),
    who: signIn.who,
    mayAct: signIn.checkXsrf,
    signInUrl: signIn.signInUrl,
    userOf,
    openUrl: (who, record, path) => {
      const place = placeOf(record.id, state.session(record.id)?.granted?.sharedOrigin === true);
      // behind a fragment the code would never reach us
      const [target = '/', ...fragment] = `${place.base}${path ?? startOf(record)}`.split(/(?=#)/);
      const code = codes.issue({ account: who.user.account, session: record.id, path: target, login: who.login });
      return `${place.origin}${target}${target.includes('?') ? '&' : '?'}c=${code}${fragment.join('')}`;
    },
    base,
    product,
    errorPage: (request, refusal) => pages.errorPage(request, refusal),
  };
  const add = (app: FastifyInstance) => {
    pages = ownRoutes(app, { deps, signIn, policy, state, clicks, ...(options.files ? { files: options.files } : {}) });
  };
  const app = await createApp(deps, add, {
    log,
    trustProxy: 'path' in policy.value.listen ? 'unix' : policy.value.trustedProxies,
  });

  const isCancelled = (id = '') => state.launch(id)?.state === 'cancelled';
  for (const row of state.sessions({ live: true }))
    if (row.record.phase === 'ready' && !isCancelled(row.launch)) live.add(row, true);
  state.images.cutOff();
  launches.restore((account) => enteringUser(policy.value, account, state.logins.identities(account)));

  const front = createFront((req) => live.door(req), limits, undefined, {
    owns: (req) => req.headers.host === base.host && !below(req.url),
    request: (req, res) => app.instance.routing(req, res),
    guests: guestsAt(policy, log),
    isFull: (connections) => pressure.isFull(connections),
  });
  const isOnItsWay = (id: string) => launches.running().some(({ session }) => session === id);
  const watched = (id: string) => live.has(id) || isOnItsWay(id);
  const endReaping = new Reaper({ services, kept: state, watched, userOf, log }).begin();
  const endCulls = new Culls({
    services,
    kept: state,
    view: (row) => live.view(row),
    userOf,
    atOnce: () => policy.value.culling.atOnce,
    learned: (record) => live.learn(record),
    log,
  }).begin();
  const endKeeping = keepHouse(state, { retentionDays: () => policy.value.retentionSeconds / DAY_SECONDS, log });
  log({ event: 'room', ...room, warnings: tooLittle(room, policy.value.limits.sessions) });
  const endLooking = pressure.begin();
  const listening = await listenAt(policy.value.listen, policy.value.tls, front);
  return {
    ...listening,
    url: base.href,
    routes: app.routes,
    async close() {
      endKeeping();
      endReaping();
      endCulls();
      endLooking();
      launches.close();
      live.close();
      await listening.close();
      front.destroy();
      await app.instance.close();
    },
  };
}

/** Where the app begins, without a slash in front. */
function startOf({ app }: Pick<KeptSession, 'app'>): string {
  return app === 'lab' ? 'lab' : app === 'notebook' ? 'tree' : '';
}
