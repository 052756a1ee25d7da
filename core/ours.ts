/** Which rows of a scheduler's answer are ours: numbers are given again, and names of a session are used twice (F-11, F-23). */
import { SESSION_ID } from './ids.ts';
import type { JobId, JobRef } from './scheduler.ts';

/** By number. Of two names with one number, an old and a new one, a row does not say whose it is: such a name is ''. */
export function byId(jobs: readonly JobRef[]): ReadonlyMap<JobId, JobRef> {
  const known = new Map<JobId, JobRef>();
  for (const job of jobs) {
    const other = known.get(job.id);
    known.set(job.id, other === undefined || other.tag === job.tag ? job : { ...job, tag: '' });
  }
  return known;
}

/** Of two of one name the first: the second waits for it, or finds the session's directory locked and leaves. */
export function firstOf(ids: readonly JobId[]): JobId | undefined {
  return [...ids].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))[0];
}

/** Name → first job, of the names that are sessions'. */
export function firstOfEach(jobs: Iterable<JobRef>): ReadonlyMap<string, JobId> {
  const first = new Map<string, JobId>();
  for (const { id, tag } of jobs) {
    if (SESSION_ID.test(tag)) first.set(tag, firstOf([first.get(tag) ?? id, id]) ?? id);
  }
  return first;
}
