/** One look at a session, by all who know of it: its own files, the agent, the scheduler. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Cluster } from '../core/cluster.ts';
import { ask } from '../core/transport.ts';
import { advance } from '../sessions/advance.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { look, settle } from '../sessions/watch.ts';
import { askAgent } from './world.ts';

/** With `untilEnded` (ms) it looks again each second until the session is over or the time has passed. */
export async function refreshed(
  cluster: Cluster,
  record: SessionRecord,
  how: { untilEnded?: number } = {},
): Promise<SessionRecord> {
  const deadline = Date.now() + (how.untilEnded ?? 0);
  let current = record;
  for (;;) {
    current = await once(cluster, current);
    if (current.phase === 'ended' || Date.now() >= deadline) return current;
    await wait(1_000);
  }
}

async function once(cluster: Cluster, record: SessionRecord): Promise<SessionRecord> {
  const now = () => new Date();
  const looked = await look(cluster, record);
  let current = advance(record, looked.seen, now());
  if (current.phase === 'ended') return current;
  const agent = current.address ? await askAgent(cluster, current) : 'unreachable';
  if (agent !== 'unreachable') return advance(current, { agent }, now());
  if (!current.jobId) return current;
  const answer = await ask(cluster.transport, cluster.scheduler.status([current.jobId], cluster.profile.uid));
  if (!answer.ok) return current;
  const job = answer.value.get(current.jobId);
  if (job) {
    current = job.state === 'ended' ? await settle(cluster, current, job, now()) : advance(current, { job }, now());
    return current;
  }
  // one miss is no proof (SECURITY R12): only accounting's own word ends it here
  const { finalStatus } = await import('../sessions/watch.ts');
  const final = await finalStatus(cluster, current.jobId);
  return final?.state === 'ended' ? settle(cluster, current, final, now()) : current;
}
