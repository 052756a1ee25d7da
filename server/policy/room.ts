/** How much may go on at once, and what goes on now. Pure. */
import type { LaunchGranted, Offers, User } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { harmless } from '../../core/text.ts';
import type { LinkedRepo } from '../links/spec.ts';
import { matches } from './patterns.ts';
import type { Policy } from './policy.ts';

/** What goes on at the endpoint now. `running`: sessions, and launches that will be one; `launches`: these alone. */
export type Seen = {
  offers?: Offers;
  running: { total: number; ofUser: number; ofRepo: number };
  launches?: { total: number; ofUser: number };
  /** is a launch of the user's for the very same on its way? It is joined, and takes no room */
  joins?: (granted: LaunchGranted) => boolean;
  /** true, or why in the admins' words */
  drained: boolean | string;
};

/** Throws E-POLICY-FULL. */
export function checkRoom(policy: Policy, user: User, repo: LinkedRepo, { running, launches }: Seen): void {
  const { limits, repositories } = policy;
  const ofRepo = repositories.settings
    .filter(({ match, sessions }) => sessions !== undefined && matches(match, repo))
    .reduce((last, { sessions }) => sessions ?? last, limits.perRepository);
  const checks: [number, number, string, string][] = [
    [
      running.ofUser,
      limits.perUser,
      `sessions of ${user.account} run`,
      'Stop one of them first, or open the one that you have.',
    ],
    [
      launches?.ofUser ?? 0,
      limits.launchesPerUser,
      `launches of ${user.account} are on their way`,
      'Wait for one of them, or cancel it.',
    ],
    [running.ofRepo, ofRepo, `sessions of ${harmless(repo.shown)} run`, 'Try again when one of them has ended.'],
    [running.total, limits.sessions, 'sessions run at this endpoint', 'Try again when one of them has ended.'],
    [
      launches?.total ?? 0,
      limits.launches,
      'launches are on their way at this endpoint',
      'Try again in a few minutes.',
    ],
  ];
  for (const [now, most, what, hint] of checks) {
    if (now < most) continue;
    throw new HpcbinderError('E-POLICY-FULL', { message: `${now} ${what}, and ${most} may`, hint, transient: true });
  }
}
