/** May a session be made longer? Never longer than one may be launched: a ceiling that is walked over in steps is none. Pure. */
import type { KeptSession, LaunchGranted } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { duration } from '../../core/units.ts';
import { repoOf } from '../links/link.ts';
import { boundsOf } from './bounds.ts';
import type { Policy } from './policy.ts';

/** `seconds` more. Throws E-LIMIT with what is left below the ceiling. */
export function checkExtension(
  policy: Policy,
  { cluster, request, startedAt, endsAt }: Pick<KeptSession, 'cluster' | 'request' | 'startedAt' | 'endsAt'>,
  granted: Pick<LaunchGranted, 'provider' | 'spec'> | undefined,
  seconds: number,
): void {
  const repo = granted && repoOf(granted, { http: policy.repositories.http });
  const { most, of } = boundsOf(policy, { name: cluster, partition: request.partition }, repo).seconds;
  // somebody else may have made the job longer; schedulers count in minutes
  const now = Math.max(request.seconds, Math.floor(((endsAt ?? 0) - (startedAt ?? endsAt ?? 0)) / 60) * 60);
  if (now + seconds <= most) return;
  const left = Math.floor((most - now) / 60) * 60;
  throw new HpcbinderError('E-LIMIT', {
    message: `it would be ${duration(now + seconds)} long, and the limit of ${of} is ${duration(most)}`,
    hint: `${left > 0 ? `At most ${duration(left)} more.` : 'Relaunch it: the work directory is kept.'}`,
  });
}
