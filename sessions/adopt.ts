/**
 * A launch that was cut off between `sbatch` and its answer left a record without a job id: the job, if there is one, is
 * found by its name, which is the session's id (SECURITY F-04, F-12). Nothing is submitted a second time for it.
 */
import { canonical, type Json } from '../core/canonical.ts';
import type { Cluster } from '../core/cluster.ts';
import { findJob } from '../jobs/submit.ts';
import type { SessionRecord } from './records.ts';

/** Longer than any submit is in doubt: two of them, each up to a minute, and up to three minutes of search after each. */
const SETTLED_MS = 10 * 60_000;

/**
 * With its job, where the scheduler knows one by that name; ended, where it knows none and no submit can be on its way any
 * more; else as it was. A scheduler that does not answer changes nothing. `settled`: since when none can be.
 */
export async function adopted(
  cluster: Cluster,
  record: SessionRecord,
  now: Date,
  settled: Date = new Date(Date.parse(record.createdAt) + SETTLED_MS),
): Promise<SessionRecord> {
  if (record.jobId !== undefined || record.phase === 'ended') return record;
  const { transport, scheduler, profile } = cluster;
  const asked = await findJob(transport, scheduler, record.id, profile.uid).then(
    (jobId) => ({ jobId }),
    () => undefined,
  );
  if (asked === undefined) return record;
  if (asked.jobId !== undefined) return { ...record, phase: 'queued', jobId: asked.jobId };
  if (now < settled) return record;
  const detail = 'its launch was cut off before the job was submitted';
  return { ...record, phase: 'ended', ended: { why: 'failed', at: now.toISOString(), detail } };
}

/** Would the one session do for the other? All that was asked for is the same; names, keys and times are not looked at. */
export function sameLaunch(one: SessionRecord, other: SessionRecord): boolean {
  const asked = (record: SessionRecord) => {
    const { cluster, repo, content, sif, workDirectory, app, request, binds, limits, variables } = record;
    const all = { cluster, repo, content, sif, workDirectory, app, request, binds, limits, variables };
    return canonical(JSON.parse(JSON.stringify(all)) as Json);
  };
  return asked(one) === asked(other);
}
