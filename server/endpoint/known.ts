/** What is known of a session by watching it. */
import type { KeptSession } from '../../core/endpoint.ts';
import type { RouteState } from '../routes.ts';
import type { KeptRow } from './kept.ts';

/** `silentSince`: an ISO time */
export type Known = { row: KeptRow; reachable: boolean; silentSince?: string };

/** Did it answer? If not, since when not. */
export function heard(known: Known, reachable: boolean): undefined {
  known.reachable = reachable;
  if (reachable) delete known.silentSince;
  else known.silentSince ??= new Date().toISOString();
}

/** Who answers is not suspended, whatever the scheduler said last. */
export function stateOf({ row: { record }, reachable }: Known): RouteState {
  if (record.phase === 'ended') return 'ended';
  if (record.job?.state === 'suspended') return 'suspended';
  return reachable ? 'ready' : 'lost';
}

/** Is it worth a write? That somebody used it a moment ago is not. */
export function changed(before: KeptSession, now: KeptSession): boolean {
  const lasting = ({ phase, endsAt, address, job, ended, saved, workDirectory }: KeptSession) =>
    JSON.stringify({ phase, endsAt, address, state: job?.state, ended, saved, workDirectory });
  return lasting(before) !== lasting(now);
}
