/**
 * The endpoint's clusters, and how it becomes a user there: by sudo on this machine, by the gate of another login node, or
 * not at all (act_as: self).
 */
import { userInfo } from 'node:os';
import { canonical, type Json } from '../../core/canonical.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Policy } from '../../server/policy/index.ts';
import { FarLogin, openTransport, UserTransport, wayTo } from '../../transports/index.ts';
import { type Choice, openLink, setupOf } from '../connect.ts';
import { sshTarget } from '../ssh.ts';
import type { OpenAs } from './people.ts';
import type { SharedBuilds } from './shared-images.ts';

export function choicesIn(policy: Policy): ReadonlyMap<string, Choice> {
  return new Map([...policy.clusters].map(([name, entry]) => [name, { name, entry, saved: true }]));
}

export function sharedIn(policy: Policy, name: string): SharedBuilds | undefined {
  const { as, store, partition } = policy.clusters.get(name)?.builds ?? {};
  return as === undefined || store === undefined ? undefined : { as, store, ...(partition ? { partition } : {}) };
}

export type Ways = AsyncDisposable & { open: OpenAs };

/**
 * `actAs`: of the policy as it was at the start, for whose account a job runs as does not change under running sessions. `own`: the
 * account that runs the endpoint; what it does for itself here needs no sudo.
 */
export function waysOf(actAs: Policy['actAs'], own = userInfo().username): Ways {
  const logins = new Map<string, FarLogin>();

  /** One for all accounts of a cluster, as long as its entry leads to the same place. */
  const loginOf = async ({ name, entry }: Choice): Promise<FarLogin> => {
    const target = await sshTarget(entry);
    const { identityFile, knownHosts } = target ?? {};
    if (!target || identityFile === undefined || knownHosts === undefined) {
      throw new HpcbinderError('E-POLICY', {
        message: `the way to the cluster ${name} is not whole: host, identity_file and known_hosts belong together`,
      });
    }
    const key = canonical({ ...target } as unknown as Json);
    const login = logins.get(key) ?? new FarLogin({ ...target, identityFile, knownHosts });
    logins.set(key, login);
    return login;
  };

  return {
    async open(account, choice) {
      const far = choice.entry.host !== undefined;
      if (actAs === 'sudo') {
        if (far) {
          const login = await loginOf(choice);
          return new UserTransport(account === own ? login.way() : login.way(account));
        }
        if (account !== own) return new UserTransport(wayTo(account));
      } else if (account !== own) {
        throw new HpcbinderError('E-USER', {
          message: `this endpoint does everything as ${own}, and nothing as ${account}`,
          hint: 'act_as: sudo, with the rule that "hpcbinder admin sudoers" prints, serves all users.',
        });
      }
      return far ? openLink(choice, undefined) : openTransport('local', undefined, { setup: setupOf(choice.entry) });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...logins.values()].map((login) => login.close()));
    },
  };
}
