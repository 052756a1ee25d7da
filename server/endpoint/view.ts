/** A session as its owner may see it: the record without what opens it. Pure. */
import type { Figures, KeptSession, SessionView } from '../../core/endpoint.ts';
import { endInWords } from '../../sessions/advance.ts';
import type { KeptRow } from './kept.ts';

/** `silentSince`: ISO, since when its node has not answered. `last`: its newest figures; of one that is silent they are old. */
export function sessionView({ record, account, launch }: KeptRow, silentSince?: string, last?: Figures): SessionView {
  const { id, cluster, repo, phase, app, request, createdAt, workDirectory, ended, job, idle, limits } = record;
  const waiting = phase === 'queued' ? (job?.waiting?.means ?? job?.reason) : undefined;
  const busy = idle !== undefined && idle.busyKernels > 0;
  const idleSince = busy ? undefined : (idle?.since ?? record.startedAt);
  // a busy kernel is never idle
  const idleUntil = idle && !busy ? idle.since + limits.idleSeconds : undefined;
  const endsAt = endOf(record);
  // the walltime may end it before
  const culledAt = idleUntil !== undefined && idleUntil < (endsAt ?? Infinity) ? idleUntil : undefined;
  return {
    id,
    ...(launch ? { launch } : {}),
    account,
    cluster,
    repo,
    phase,
    app,
    request,
    ...(record.address ? { node: record.address.host } : {}),
    ...(record.jobId ? { jobId: record.jobId } : {}),
    createdAt,
    ...(record.startedAt ? { startedAt: record.startedAt } : {}),
    ...(endsAt ? { endsAt } : {}),
    ...(waiting ? { waiting } : {}),
    ...(phase === 'queued' && job?.startsAt ? { likelyStart: job.startsAt } : {}),
    ...(idleSince === undefined ? {} : { idleSince }),
    idleSeconds: limits.idleSeconds,
    ...(phase === 'ready' && culledAt ? { culledAt } : {}),
    ...(phase === 'ready' && !silentSince && last?.gpuIdleSince ? { gpuIdleSince: last.gpuIdleSince } : {}),
    workDirectory,
    ...(ended ? { ended: { ...ended, words: endInWords(ended.why) } } : {}),
    ...(phase === 'ready' && silentSince ? { silentSince } : {}),
    ...(record.internet === undefined ? {} : { internet: record.internet }),
  };
}

/** Where somebody made the job longer than its session may become old, that ends it first. */
function endOf({ startedAt, endsAt, limits: { maxAgeSeconds } }: KeptSession): number | undefined {
  if (!endsAt || !startedAt || maxAgeSeconds === undefined) return endsAt;
  return Math.min(endsAt, startedAt + maxAgeSeconds);
}

export function isLive(record: KeptSession): boolean {
  return record.phase !== 'ended';
}
