/** The policy as it is now, asked with what goes on now: who may launch what (server/policy judges, and looks at nothing). */
import type { Choices, LaunchGranted, LaunchWanted, Offers, Services, User } from '../../core/endpoint.ts';
import { readLink, repoOf } from '../links/index.ts';
import { checkRepository, choices as choicesOf, judge, type PolicyFile } from '../policy/index.ts';
import type { State } from '../state/index.ts';
import type { Judge } from './deps.ts';
import type { Launches } from './launches.ts';

/** The form waits no longer for what a cluster offers: it then shows the fields without (EXPERIENCE 6). */
const FORM_MS = 1_000;

export function createJudge(of: {
  policy: PolicyFile;
  services: Services;
  state: State;
  launches: () => Launches;
}): Judge {
  const { policy, services, state } = of;

  function seen(user: User, wanted: LaunchWanted, offers: Offers | undefined) {
    const live = state.sessions({ live: true });
    const going = of.launches().running();
    const { shown } = repoOf(wanted, { http: policy.value.repositories.http });
    const drain = state.settings.get('drain');
    return {
      ...(offers ? { offers } : {}),
      running: {
        total: live.length,
        ofUser: live.filter(({ account }) => account === user.account).length,
        ofRepo: live.filter(({ granted }) => granted?.repo.shown === shown).length,
      },
      launches: { total: going.length, ofUser: going.filter(({ account }) => account === user.account).length },
      drained: drain === undefined ? false : (drain.words ?? true),
    };
  }

  return {
    repoOf: (wanted) => checkRepository(policy.value, wanted),
    link: (url) => readLink(url, { http: policy.value.repositories.http }),
    async grant(user: User, wanted: LaunchWanted, signal: AbortSignal): Promise<LaunchGranted> {
      const cluster = wanted.cluster ?? policy.value.defaults.cluster;
      // what is not offered is refused at the scheduler; the judge knows better where it is told
      const offers = await services.offers(user, cluster, signal).catch(() => undefined);
      return judge(policy.value, user, wanted, seen(user, wanted, offers));
    },
    async choices(user: User, cluster = policy.value.defaults.cluster): Promise<Choices> {
      const late = new Promise<undefined>((resolve) => setTimeout(resolve, FORM_MS, undefined).unref());
      const coming = services.offers(user, cluster, AbortSignal.timeout(30_000)).catch(() => undefined);
      const offers = await Promise.race([coming, late]);
      return choicesOf(policy.value, { cluster, ...(offers ? { offers } : {}) });
    },
    get perMinute() {
      const { count, seconds } = policy.value.rate.requests;
      return Math.ceil((count * 60) / seconds);
    },
  };
}
