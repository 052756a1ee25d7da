/** A waiting job as the person reads it: why, until when, and what would let it start. */
import type { Cluster } from '../core/cluster.ts';
import type { JobStatus, Partition, ResourceRequest } from '../core/scheduler.ts';
import type { Session } from '../core/session.ts';
import { ask } from '../core/transport.ts';
import { duration, durationWord } from '../core/units.ts';
import { mendedBy, type Waiting } from '../core/waiting.ts';
import { clock } from './words.ts';

/** `in 3 h`, `in 5 min`, `now`: as exact as an estimate deserves. */
export function away(seconds: number): string {
  if (seconds < 60) return 'now';
  const rounded = seconds < 3600 ? Math.ceil(seconds / 60) * 60 : Math.round(seconds / 1800) * 1800;
  return `in ${duration(rounded >= 6 * 3600 ? Math.round(rounded / 3600) * 3600 : rounded)}`;
}

/** `likely start 17:40 (in 3 h)`; undefined where nobody knows, or where the estimate is over. */
export function startInWords({ startsAt }: Pick<JobStatus, 'startsAt'>, now: Date): string | undefined {
  const left = startsAt === undefined ? -1 : startsAt - now.getTime() / 1000;
  if (startsAt === undefined || left < 0) return undefined;
  const at = new Date(startsAt * 1000);
  // the time alone says which day where it is less than half of one
  const time = clock(at, left < 43_200 ? at : now);
  return `likely start ${time}${left < 60 ? '' : ` (${away(left)})`}`;
}

/** The line of the queue, and for `--json` what it is made of. */
export function queueInWords(job: JobStatus, now: Date): { text: string; waiting?: Waiting; startsAt?: number } {
  const { waiting, startsAt } = job;
  const means = waiting?.means ?? job.reason ?? 'in the queue';
  const never = waiting?.starts === 'no' ? ' · never starts as it is' : '';
  const start = never === '' ? startInWords(job, now) : undefined;
  return {
    text: `waiting: ${means}${never}${start === undefined ? '' : ` · ${start}`}`,
    ...(waiting ? { waiting } : {}),
    ...(startsAt === undefined ? {} : { startsAt }),
  };
}

/** Once: what to do with a job that will wait for ever. The scheduler's reason decides nothing, so the launch waits on. */
export function neverStarts(
  { partitions }: Pick<Cluster, 'partitions'>,
  { id, job, jobId, request }: Pick<Session, 'id' | 'job' | 'jobId' | 'request'>,
): string | undefined {
  if (job?.waiting?.starts !== 'no') return undefined;
  const change = changeFor(job.waiting, request, partitions);
  const how = change === undefined ? '' : `; what would let it start: ${change}`;
  return `job ${jobId ?? ''} never starts as it is: ${job.waiting.means}${how} (end it: hpcbinder stop ${id.slice(3, 7)})`;
}

/** The smallest change, with its figure where the limit is known. */
export function changeFor(
  { change, lever }: Waiting,
  request: ResourceRequest,
  partitions: readonly Partition[],
): string | undefined {
  const most = partitions.find(({ name }) => name === request.partition)?.maxSeconds;
  if (lever === '--time' && most !== undefined && most < request.seconds) return `--time ${durationWord(most)}`;
  return change;
}

/** `2 of 17 that wait in partition gpu are ahead`: asked only on request, for it lists everybody's jobs. */
export async function positionOf(
  { transport, scheduler }: Cluster,
  { request, ...session }: Pick<Session, 'id' | 'jobId' | 'request'>,
): Promise<{ words: string; ahead?: number; waiting?: number }> {
  const job = { id: session.jobId ?? '', tag: session.id };
  const question = scheduler.position?.(job, request.partition);
  if (question === undefined) return { words: 'this scheduler shows no order of its queue' };
  const answer = await ask(transport, question);
  if (!answer.ok) return { words: 'the scheduler does not tell' };
  if (answer.value === undefined) return { words: 'it does not wait any more' };
  const { ahead, waiting } = answer.value;
  const where = request.partition === undefined ? 'the queue' : `partition ${request.partition}`;
  const words =
    ahead === 0
      ? `the ${waiting === 1 ? 'only one that waits' : `first of ${waiting} that wait`} in ${where}`
      : `${ahead} of the ${waiting} that wait in ${where} ${ahead === 1 ? 'is' : 'are'} ahead`;
  return { words, ahead, waiting };
}

/** Rows of `status`: why it waits, what can be done, and when it is likely to start. */
export function waitingRows(
  { job, createdAt }: Pick<Session, 'job' | 'createdAt'>,
  now: Date,
): [string, string | undefined][] {
  if (job?.state !== 'pending') return [];
  const waited = (now.getTime() - Date.parse(createdAt)) / 1000;
  return [
    ['waits', `${job.waiting?.means ?? job.reason ?? 'in the queue'}, since ${duration(Math.max(1, waited))}`],
    ['', job.waiting && (mendedBy(job.waiting) || undefined)],
    ['likely', startInWords(job, now)?.replace('likely start ', '')],
  ];
}
