/** The endpoint's clusters, and how it becomes a user there: by sudo on this machine, or not at all (act_as: self). */
import { userInfo } from 'node:os';
import { HpcbinderError } from '../../core/errors.ts';
import type { Policy } from '../../server/policy/index.ts';
import { openTransport } from '../../transports/index.ts';
import { UserTransport, wayTo } from '../../transports/sudo/index.ts';
import { type Choice, setupOf } from '../connect.ts';
import type { OpenAs } from './people.ts';

export function choicesIn(policy: Policy): ReadonlyMap<string, Choice> {
  return new Map([...policy.clusters].map(([name, entry]) => [name, { name, entry, saved: true }]));
}

/** `own`: the account that runs the endpoint; what it does for itself needs no sudo. */
export function openerOf(policy: () => Policy, own = userInfo().username): OpenAs {
  return async (account, choice) => {
    if (account === own) return openTransport('local', undefined, { setup: setupOf(choice.entry) });
    if (policy().actAs === 'sudo') return new UserTransport(wayTo(account));
    throw new HpcbinderError('E-USER', {
      message: `this endpoint does everything as ${own}, and nothing as ${account}`,
      hint: 'act_as: sudo, with the rule that "hpcbinder admin sudoers" prints, serves all users.',
    });
  };
}
