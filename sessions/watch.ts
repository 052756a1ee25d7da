/** Looking at one session until something is true of it: address file and end file by the cluster's disk, job by the one poller. */
import type { Cluster } from '../core/cluster.ts';
import type { JobStatus } from '../core/scheduler.ts';
import type { Seen, Session } from '../core/session.ts';
import { ask, askAll } from '../core/transport.ts';
import { advance } from './advance.ts';
import { readAddress, readEnd, readWorkReport, type WorkReport } from './records.ts';
import { lookAt } from './remote.ts';

/** The subscription that jobs/poller gives: one query per cluster and interval, however many sessions. */
export type WatchJob = (id: string, on: (status: JobStatus | 'absent' | 'unreachable') => void) => () => void;

export const FILES = ['address.json', 'end.json', 'work.json'] as const;

export type Look = { seen: Seen; work: WorkReport | undefined; reachable: boolean };

/** What the session's directory says now. An unreadable one says nothing. */
export async function look(cluster: Cluster, session: Session, signal?: AbortSignal): Promise<Look> {
  const answer = await ask(cluster.transport, lookAt(cluster.profile, [session.id], FILES), signal);
  if (!answer.ok) return { seen: {}, work: undefined, reachable: answer.why !== 'unreachable' };
  const files = answer.value[0]?.files;
  const address = readAddress(files?.get('address.json'), session.id);
  const end = readEnd(files?.get('end.json'));
  return {
    seen: { ...(address ? { address } : {}), ...(end ? { end } : {}) },
    work: readWorkReport(files?.get('work.json')),
    reachable: true,
  };
}

/**
 * The scheduler's last word on a job that is no longer in the queue. `undefined` where accounting has none: then only the
 * poller's confirmed absence ends the session.
 */
export async function finalStatus(
  cluster: Cluster,
  jobId: string,
  signal?: AbortSignal,
): Promise<JobStatus | undefined> {
  const answer = await askAll(cluster.transport, cluster.scheduler.finalStatus(jobId, cluster.profile.uid), signal);
  return answer.ok ? answer.value : undefined;
}

/** An ended job's own words come before the scheduler's, for the agent knows why. */
export async function settle(
  cluster: Cluster,
  session: Session,
  status: JobStatus | 'absent',
  now: Date,
): Promise<Session> {
  const { seen } = await look(cluster, session);
  if (seen.end) return advance(session, seen, now);
  const final = status === 'absent' && session.jobId ? await finalStatus(cluster, session.jobId) : undefined;
  return advance(session, { job: status, ...(final ? { final } : {}) }, now);
}
