/** The policy as it is now, asked with what goes on now: who may launch what (server/policy judges, and looks at nothing). */
import type { Choices, LaunchWanted, Offers, Services, User } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { readLink, repoOf } from '../links/index.ts';
import {
  checkExtension,
  checkRepository,
  choices as choicesOf,
  clusterOf,
  judge,
  type Policy,
  type PolicyFile,
  Rates,
  repositoryKey,
  type Seen,
} from '../policy/index.ts';
import type { State } from '../state/index.ts';
import type { Judge } from './deps.ts';
import type { Launches } from './launches.ts';
import type { Pressure } from './room.ts';

/** The form waits no longer for what a cluster offers: it then shows the fields without (EXPERIENCE 6). */
const FORM_MS = 1_000;

export function createJudge(of: {
  policy: PolicyFile;
  services: Services;
  state: State;
  launches: () => Launches;
  pressure: Pick<Pressure, 'words'>;
}): Judge {
  const { policy, services, state, pressure } = of;

  // a browser's isolation between sessions is as the endpoint started: front, pages and cookies are made for that
  const { sessions } = policy.value;
  const judged = (user: User, wanted: LaunchWanted, known: Seen) =>
    judge({ ...policy.value, sessions }, user, wanted, known);

  const rates = new Rates(() => policy.value);

  function seen(user: User, wanted: LaunchWanted, offers: Offers | undefined): Seen {
    const live = state.sessions({ live: true });
    const going = of.launches().running();
    const begun = new Set(live.map(({ record }) => record.id));
    // a launch that has no session yet will be one
    const coming = going.filter(({ session }) => session === undefined || !begun.has(session));
    const all = [...live, ...coming];
    const key = repositoryKey(repoOf(wanted, { http: policy.value.repositories.http }));
    const drain = state.settings.get('drain');
    const own = (one: { account: string }) => one.account === user.account;
    return {
      ...(offers ? { offers } : {}),
      running: {
        total: all.length,
        ofUser: all.filter(own).length,
        ofRepo: all.filter(({ granted }) => granted && repositoryKey(granted.repo) === key).length,
      },
      launches: { total: going.length, ofUser: going.filter(own).length },
      joins: (granted) => of.launches().same(user, granted) !== undefined,
      drained: drain === undefined ? false : (drain.words ?? true),
    };
  }

  return {
    repoOf: (wanted) => checkRepository(policy.value, wanted),
    link: (url) => readLink(url, { http: policy.value.repositories.http }),
    pace: (what, account) => rates.take(what, account),
    async grant(user, wanted, begin, signal) {
      rates.take('launches', user.account);
      if (pressure.words !== undefined)
        throw new HpcbinderError('E-POLICY-DRAIN', {
          message: `nothing is launched at present: the endpoint is at its limit (${pressure.words})`,
          hint: 'What runs goes on. Try again in a minute.',
          transient: true,
        });
      const cluster = clusterOf(policy.value, wanted);
      // what is not offered is refused at the scheduler; the judge knows better where it is told
      const offers = await services.offers(user, cluster, signal).catch(() => undefined);
      return begin(judged(user, wanted, seen(user, wanted, offers)));
    },
    async foresee(user, wanted, signal) {
      const cluster = clusterOf(policy.value, wanted);
      const offers = await services.offers(user, cluster, signal).catch(() => undefined);
      return judged(user, wanted, { ...QUIET, ...(offers ? { offers } : {}) });
    },
    async offers(user: User, cluster: string, signal: AbortSignal): Promise<Offers> {
      const offers = await services.offers(user, cluster, signal);
      return choicesOf(policy.value, { cluster, offers }).offers ?? offers;
    },
    async choices(user: User, asked: Pick<LaunchWanted, 'cluster' | 'data'>): Promise<Choices> {
      const cluster = shownCluster(policy.value, asked);
      const late = new Promise<undefined>((resolve) => setTimeout(resolve, FORM_MS, undefined).unref());
      const coming = services.offers(user, cluster, AbortSignal.timeout(30_000)).catch(() => undefined);
      const offers = await Promise.race([coming, late]);
      return choicesOf(policy.value, { cluster, ...(offers ? { offers } : {}) });
    },
    checkExtension: ({ record, granted }, seconds) => checkExtension(policy.value, record, granted, seconds),
    get mayTouch() {
      return policy.value.culling.touch;
    },
    get perMinute() {
      const { count, seconds } = policy.value.rate.requests;
      return Math.ceil((count * 60) / seconds);
    },
  };
}

/** As if nothing went on: who only looks takes no place. */
const QUIET: Seen = { running: { total: 0, ofUser: 0, ofRepo: 0 }, joins: () => true, drained: false };

/** What cannot be had is told by the launch; the form shows something all the same. */
function shownCluster(policy: Policy, asked: Pick<LaunchWanted, 'cluster' | 'data'>): string {
  try {
    return clusterOf(policy, asked);
  } catch {
    return asked.cluster !== undefined && policy.clusters.has(asked.cluster) ? asked.cluster : policy.defaults.cluster;
  }
}
