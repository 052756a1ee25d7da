/** One look at a session, by all who know of it: its own files, the agent, the scheduler. */
import type { Cluster } from '../core/cluster.ts';
import { ask } from '../core/transport.ts';
import { adopted } from '../sessions/adopt.ts';
import { advance, lostAt } from '../sessions/advance.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { jobOf, look, settle } from '../sessions/watch.ts';
import { askAgent } from './world.ts';

export async function refreshed(cluster: Cluster, record: SessionRecord): Promise<SessionRecord> {
  const now = () => new Date();
  const looked = await look(cluster, record);
  let current = await adopted(cluster, advance(record, looked.seen, now()), now());
  if (current.phase === 'ended') return current;
  const agent = current.address ? await askAgent(cluster, current) : 'unreachable';
  if (agent !== 'unreachable') return advance(current, { agent }, now());
  if (!current.jobId) return current;
  const answer = await ask(cluster.transport, cluster.scheduler.status([jobOf(current)], cluster.profile.uid));
  if (!answer.ok) return current;
  const job = answer.value.get(current.jobId);
  if (job) {
    current = job.state === 'ended' ? await settle(cluster, current, job) : advance(current, { job }, now());
    return current;
  }
  // one miss is no proof (SECURITY R12): accounting's own word ends it, or a second look that misses it much later
  const { finalStatus } = await import('../sessions/watch.ts');
  const final = await finalStatus(cluster, current);
  if (final === 'unreachable') return current;
  if (final?.state === 'ended') return settle(cluster, current, final);
  const lost = lostAt(current);
  if (final === undefined && lost !== undefined && lost <= now()) return settle(cluster, current, 'absent');
  return advance(current, { job: 'missing' }, now());
}
