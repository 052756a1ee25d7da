/** What a killed endpoint left: a launch between its record and its job, and jobs whose sessions are over. */
import type { Cluster } from '../../core/cluster.ts';
import { orThrow } from '../../core/command.ts';
import type { KeptSession } from '../../core/endpoint.ts';
import { ask } from '../../core/transport.ts';
import { cancelJob } from '../../jobs/cancel.ts';
import { systemClock } from '../../jobs/clock.ts';
import { adopted } from '../../sessions/adopt.ts';

const LOOK_MS = 10_000;
/**
 * The process that submitted is gone, and with it its sbatch: what it had sent is a job, or never will be, after three times
 * slurm.conf's MessageTimeout of 10 s and as much again (jobs/submit.ts).
 */
const SETTLED_MS = 60_000;

/** A record whose launch was cut off before its job was known: the job is found by its name, or there is none and it is over. */
export async function taken(cluster: Cluster, before: KeptSession, signal: AbortSignal): Promise<KeptSession> {
  const settled = systemClock.now() + SETTLED_MS;
  for (;;) {
    const record = await adopted(cluster, before, new Date(), new Date(settled));
    if (record.jobId !== undefined || record.phase === 'ended') return record;
    await systemClock.sleep(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

/** Number and name together name a job, and the list is the owner's own (SECURITY F-23). */
export async function reaped(cluster: Cluster, sessions: ReadonlySet<string>): Promise<readonly string[]> {
  const { transport, scheduler, profile } = cluster;
  const there = orThrow(await ask(transport, scheduler.unfinished(profile.uid)));
  const found = [...there].filter(([tag]) => sessions.has(tag));
  for (const [tag, id] of found) await cancelJob(transport, scheduler, { id, tag });
  return found.map(([tag]) => tag);
}
