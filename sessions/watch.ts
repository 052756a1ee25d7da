/** Looking at one session: its own files by the cluster's disk, its job by the one poller, its end by accounting. */
import type { Cluster } from '../core/cluster.ts';
import { type Answer, ok, type Question, textOf, unreachable } from '../core/command.ts';
import { asHpcbinderError, HpcbinderError } from '../core/errors.ts';
import type { JobRef, JobStatus } from '../core/scheduler.ts';
import type { Seen, Session } from '../core/session.ts';
import { ask, askAll } from '../core/transport.ts';
import { type Clock, systemClock } from '../jobs/clock.ts';
import type { Sighting } from '../jobs/poller.ts';
import { advance } from './advance.ts';
import { hereAt } from './clocks.ts';
import { readAddress, readEnd, readWorkReport, type WorkReport } from './records.ts';

/** The subscription that jobs/ gives: one query per cluster and interval, however many sessions. */
export type WatchJob = (job: JobRef, on: (sighting: Sighting) => void) => () => void;

/** The session's job as the scheduler is asked for it: the session's id is its name. */
export function jobOf({ id, jobId = '' }: Pick<Session, 'id' | 'jobId'>): JobRef {
  return { id: jobId, tag: id };
}

export type Look = { seen: Seen; work: WorkReport | undefined };

/** Listing the directory first makes a network file system look again (SECURITY F-40). */
export const LOOK =
  'cd -- "$1" && ls >/dev/null && for f in address end work; do cat "$f.json" 2>/dev/null; printf "\\036"; done';

export function lookQuestion(directory: string): Question<[string?, string?, string?]> {
  return {
    command: { argv: ['/bin/sh', '-c', LOOK, 'look', directory], timeoutMs: 15_000, maxBytes: 1 << 20 },
    parse(result): Answer<[string?, string?, string?]> {
      const parts = textOf(result.stdout).split('\u001e');
      if (result.ended.kind === 'exit' && parts.length === 4) return ok([parts[0], parts[1], parts[2]]);
      return unreachable(new HpcbinderError('E-REMOTE', { message: `cannot look into ${directory}`, transient: true }));
    },
  };
}

/** A transport throws where its link is down for good: that too is no answer, and no end. */
function silence(cause: unknown): Answer<never> {
  return unreachable(asHpcbinderError(cause));
}

/** What the session's directory says now; nothing where it cannot be reached. */
export async function look(cluster: Cluster, session: Session, signal?: AbortSignal): Promise<Look> {
  const answer = await ask(cluster.transport, lookQuestion(session.directory), signal).catch(silence);
  if (!answer.ok) return { seen: {}, work: undefined };
  const [addressText, endText, workText] = answer.value;
  const address = readAddress(addressText, session.id);
  const end = readEnd(endText);
  const work = readWorkReport(workText);
  const seen = {
    ...(address ? { address } : {}),
    ...(end ? { end } : {}),
    ...(work ? { workDirectory: work.directory } : {}),
  };
  return { seen, work };
}

/** The scheduler's last word; `undefined` where accounting has none: then only a confirmed absence ends the session. */
export async function finalStatus(
  cluster: Cluster,
  session: Pick<Session, 'id' | 'jobId'>,
  signal?: AbortSignal,
): Promise<JobStatus | undefined | 'unreachable'> {
  const question = cluster.scheduler.finalStatus(jobOf(session), cluster.profile.uid);
  const answer = await askAll(cluster.transport, question, signal).catch(silence);
  return answer.ok ? answer.value : 'unreachable';
}

/** nfs(5): what is known of a directory counts for up to 60 s (`acdirmax`). */
const LATE_MS = 90_000;
const LATE_EVERY_MS = 2_000;

/**
 * What the agent wrote last. One that left with 0 has said why, and a network file system may show that late: it is waited
 * for until a minute and a half after the job's end (SECURITY F-40).
 */
async function lastLook(
  cluster: Cluster,
  session: Session,
  status: JobStatus | 'absent',
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<Seen> {
  const written = status !== 'absent' && status.end === 'completed' ? status.endsAt : undefined;
  const ago = written === undefined ? LATE_MS : Math.max(0, clock.now() - hereAt(session, written).getTime());
  for (let left = LATE_MS - ago; ; left -= LATE_EVERY_MS) {
    const { seen } = await look(cluster, session);
    if (seen.end || signal?.aborted || left <= 0) return seen;
    await clock.sleep(LATE_EVERY_MS, signal);
  }
}

/** An ended job's own words come before the scheduler's, for the agent knows why. As it was where `signal` ends the wait for them. */
export async function settle<S extends Session>(
  cluster: Cluster,
  session: S,
  status: JobStatus | 'absent',
  clock: Clock = systemClock,
  signal?: AbortSignal,
): Promise<S> {
  const seen = await lastLook(cluster, session, status, clock, signal);
  if (!seen.end && signal?.aborted) return session;
  const now = new Date(clock.now());
  if (seen.end) return advance(session, { ...seen, job: status }, now);
  // the queue's short answer has no exit code
  const bare = status === 'absent' || (status.end === 'failed' && status.exitCode === undefined && !status.unopened);
  const final = bare && session.jobId ? await finalStatus(cluster, session) : undefined;
  if (status !== 'absent' && typeof final === 'object' && final.state === 'ended')
    return advance(session, { job: final }, now);
  return advance(session, { job: status, ...(typeof final === 'object' ? { final } : {}) }, now);
}
