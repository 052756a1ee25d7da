/** One look at a session, by all who know of it: its own files, the agent, the scheduler. */
import type { Cluster } from '../core/cluster.ts';
import type { HpcbinderError } from '../core/errors.ts';
import { ask } from '../core/transport.ts';
import { adopted } from '../sessions/adopt.ts';
import { advance, lostAt } from '../sessions/advance.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { jobOf, look, settle } from '../sessions/watch.ts';
import { askAgent } from './world.ts';

/** A person waits for it. The scheduler is not done for because it is slower: the record stays as it was. */
const PATIENCE_MS = 8_000;

/** `onSilence`: the scheduler was asked and did not answer. */
export async function refreshed(
  cluster: Cluster,
  record: SessionRecord,
  onSilence: (error: HpcbinderError) => void = () => {},
): Promise<SessionRecord> {
  const now = () => new Date();
  const looked = await look(cluster, record);
  let current = await adopted(cluster, advance(record, looked.seen, now()), now());
  if (current.phase === 'ended') return current;
  const agent = current.address ? await askAgent(cluster, current) : 'unreachable';
  if (agent !== 'unreachable') return advance(current, { agent }, now());
  if (!current.jobId) return current;
  const question = cluster.scheduler.status([jobOf(current)], cluster.profile.uid);
  const command = { ...question.command, timeoutMs: PATIENCE_MS };
  const answer = await ask(cluster.transport, { ...question, command });
  if (!answer.ok) {
    onSilence(answer.error);
    return current;
  }
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
