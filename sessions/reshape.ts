/** Another shape for a session whose job waits: the job stays the one that it is, so there are never two of it, nor none. */
import type { Cluster } from '../core/cluster.ts';
import { orThrow } from '../core/command.ts';
import type { ResourceRequest } from '../core/scheduler.ts';
import { ask } from '../core/transport.ts';
import type { SessionRecord } from './records.ts';
import { saveSession } from './remote.ts';
import { jobOf } from './watch.ts';

export function canReshape({ scheduler }: Pick<Cluster, 'scheduler'>): boolean {
  return scheduler.reshape !== undefined;
}

/**
 * The scheduler first, then what the agent will read and the record. undefined: the job began meanwhile, and all is as it was.
 * Throws the scheduler's refusal, with nothing changed; where the line broke, to do the same again does no harm.
 */
export async function reshape(
  cluster: Cluster,
  session: SessionRecord,
  request: ResourceRequest,
): Promise<SessionRecord | undefined> {
  const { transport, scheduler, profile } = cluster;
  const question = scheduler.reshape?.(jobOf(session), profile.uid, session.request, request);
  if (question === undefined || orThrow(await ask(transport, question)) === 'begun') return undefined;
  const changed = { ...session, request };
  orThrow(await ask(transport, saveSession(profile, changed, request.seconds)));
  return changed;
}
