/** Session + what was seen + now → session. Pure. `unreachable` ends nothing: silence is not death (DESIGN 1). */
import type { JobEnd, JobStatus } from '../core/scheduler.ts';
import type { EndReason, Seen, Session } from '../core/session.ts';
import { CONFIRMED_MS } from '../jobs/poller.ts';
import { aheadOf, hereAt } from './clocks.ts';

export function advance<S extends Session>(session: S, seen: Seen, now: Date): S {
  if (session.phase === 'ended') return session;
  const answered =
    (seen.job !== undefined && seen.job !== 'unreachable') ||
    (seen.agent !== undefined && seen.agent !== 'unreachable') ||
    seen.address !== undefined ||
    seen.end !== undefined ||
    seen.final !== undefined;
  const next: S = {
    ...session,
    ...(answered ? { seenAt: now.toISOString() } : {}),
    ...(seen.workDirectory === undefined ? {} : { workDirectory: seen.workDirectory }),
  };

  const over =
    seen.final?.state === 'ended'
      ? seen.final
      : isStatus(seen.job) && seen.job.state === 'ended'
        ? seen.job
        : undefined;
  if (seen.end) {
    // the agent sees only a SIGTERM; who sent it, the scheduler knows
    const { why, at, detail, saved } = seen.end;
    const known = why === 'cancelled' ? (SENT_BY.find((end) => end === over?.end) ?? why) : why;
    return { ...ended(next, known, hereAt(next, at), detail), ...(saved ? { saved } : {}) };
  }
  if (over) return endedByScheduler(next, over, now);
  if (seen.job === 'absent') {
    // the poller says absent only after two answers far enough apart (SECURITY R12)
    return ended(next, 'lost', now, 'the scheduler knows no such job any more');
  }
  return alive(next, seen, now);
}

/** The scheduler knows it again. */
function known<S extends Session>(session: S): S {
  const { missingSince: _, ...rest } = session;
  return rest as S;
}

function alive<S extends Session>(session: S, seen: Seen, now: Date): S {
  let next = session;
  if (seen.job === 'missing') next = { ...next, missingSince: next.missingSince ?? now.toISOString() };
  if (isStatus(seen.job)) {
    next = { ...known(next), job: seen.job };
    if (seen.job.state === 'pending' && before(next, 'starting')) next = { ...next, phase: 'queued' };
    if (seen.job.state === 'running' && before(next, 'starting')) next = { ...next, phase: 'starting' };
    // of a pending job it would be a guess
    const { state, endsAt } = seen.job;
    if (state === 'running' && endsAt !== undefined && next.endsAt === undefined) next = { ...next, endsAt };
  }
  if (seen.address) {
    const { host, port, startedAt, endsAt } = seen.address;
    next = { ...next, address: { host, port }, startedAt, endsAt };
    if (before(next, 'starting')) next = { ...next, phase: 'starting' };
  }
  if (seen.agent !== undefined && seen.agent !== 'unreachable') {
    // who answers is not suspended, whatever the scheduler said before
    if (next.job?.state === 'suspended') next = { ...next, job: { ...next.job, state: 'running', raw: 'RUNNING' } };
    const { idleSince, busyKernels, gpuIdleSince, endsAt, saved, internet } = seen.agent;
    if (seen.agent.now !== undefined) next = { ...next, localAhead: aheadOf(seen.agent.now, now) };
    // `extend` or an administrator may have moved the end
    next = {
      ...next,
      idle: { since: idleSince, busyKernels, ...(gpuIdleSince ? { gpuSince: gpuIdleSince } : {}) },
      ...(endsAt ? { endsAt } : {}),
      ...(saved ? { saved } : {}),
      ...(internet === undefined ? {} : { internet }),
    };
    if (seen.agent.ready && before(next, 'ready')) next = { ...next, phase: 'ready' };
  }
  return next;
}

/** When a job that the scheduler does not know counts as lost, if it stays so (SECURITY R12). */
export function lostAt({ missingSince }: Pick<Session, 'missingSince'>): Date | undefined {
  return missingSince === undefined ? undefined : new Date(Date.parse(missingSince) + CONFIRMED_MS);
}

/** ends that reach the agent as a SIGTERM only */
const SENT_BY = ['preempted', 'node-failed', 'timeout'] as const;

const ORDER = ['preparing', 'submitting', 'queued', 'starting', 'ready', 'ended'];

function before(session: Session, phase: Session['phase']): boolean {
  return ORDER.indexOf(session.phase) < ORDER.indexOf(phase);
}

function isStatus(job: Seen['job']): job is JobStatus {
  return typeof job === 'object';
}

/** The scheduler's word for an end, in ours. `completed` without an end file: the agent could not write it. */
const WHY: Readonly<Record<JobEnd, EndReason>> = {
  completed: 'app-ended',
  failed: 'failed',
  cancelled: 'cancelled',
  timeout: 'timeout',
  'out-of-memory': 'out-of-memory',
  'node-failed': 'node-failed',
  preempted: 'preempted',
  refused: 'failed',
};

function endedByScheduler<S extends Session>(session: S, status: JobStatus, now: Date): S {
  const why =
    status.end === undefined
      ? 'lost'
      : status.end === 'failed' && session.phase === 'ready'
        ? 'app-failed'
        : WHY[status.end];
  const at =
    status.endsAt === undefined ? now : new Date(Math.min(hereAt(session, status.endsAt).getTime(), now.getTime()));
  const detail = status.exitCode ? `exit ${status.exitCode}` : undefined;
  return { ...ended(session, why, at, detail), job: status };
}

function ended<S extends Session>(session: S, why: EndReason, at: Date, detail?: string): S {
  return { ...session, phase: 'ended', ended: { why, at: at.toISOString(), ...(detail ? { detail } : {}) } };
}

/** For `list` and the last line of a launch. */
export function endInWords(why: EndReason): string {
  const words: Readonly<Record<EndReason, string>> = {
    stopped: 'stopped',
    idle: 'ended: nobody used it',
    'max-age': 'ended: older than allowed',
    timeout: 'ended: walltime over',
    'app-ended': 'ended: the app was closed',
    'app-failed': 'failed: the app ended',
    'out-of-memory': 'failed: out of memory',
    'node-failed': 'failed: the node went down',
    preempted: 'ended: preempted by another job',
    cancelled: 'cancelled at the scheduler',
    failed: 'failed',
    lost: 'lost: the job is gone and nothing says why',
  };
  return words[why];
}
