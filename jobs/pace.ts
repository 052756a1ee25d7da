/** How often the scheduler is asked (DESIGN 9). The site may slow it, nothing may speed it. */
import type { JobState } from '../core/scheduler.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** Enough for a free node to have started the job: most launches then need one query. */
export const FIRST_MS = 2 * SECOND;
/** Between two queries, whoever joins meanwhile. */
export const LEAST_MS = 5 * SECOND;

/** `live`: its tunnel is up, which tells of its end sooner than any query; `ending`: it was told to end. */
export type Interest = 'usual' | 'live' | 'ending';

/**
 * Milliseconds until a job is worth the next query. `watchedMs`: how long it has been watched. A running job's readiness
 * comes from its address file, not from here; that it has ended comes from nowhere else.
 */
export function pace(state: JobState | undefined, watchedMs: number, interest: Interest): number {
  if (state === 'running' && interest === 'live') return 5 * MINUTE;
  const usual = watchedMs < MINUTE ? 5 * SECOND : watchedMs < 10 * MINUTE ? 15 * SECOND : MINUTE;
  return state === 'running' && interest === 'usual' ? Math.max(usual, 15 * SECOND) : usual;
}
