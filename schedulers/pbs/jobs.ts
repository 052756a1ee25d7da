/** PBS's records of jobs: qstat by id, so that no other user's words are in the answer (SECURITY R3, INJ-10). */
import { type CommandResult, ok, type Question, succeeded } from '../../core/command.ts';
import { entries, type Fields, isFields, number, text } from '../../core/json.ts';
import { byId, firstOfEach } from '../../core/ours.ts';
import type { JobEnd, JobId, JobRef, JobState, JobStatus } from '../../core/scheduler.ts';
import { clockSeconds } from '../../core/units.ts';
import { asked, command, JOB_ID, qstat } from './answers.ts';
import { commentInWords } from './comments.ts';

/** The letters of qstat(1B), without those of arrays. */
const STATES: ReadonlyMap<string, JobState> = new Map([
  ['Q', 'pending'],
  ['H', 'pending'], // held by user, operator, system, or a dependency
  ['W', 'pending'], // its begin time is not reached, or files are staged in
  ['T', 'pending'], // on its way to another queue or server
  ['R', 'running'],
  ['S', 'suspended'],
  ['U', 'suspended'], // the owner of a workstation is back
  ['E', 'completing'],
  ['F', 'ended'],
]);

/** Exit_status below 0 is the server's word on the job, not the job's own (job.h, JOB_EXEC_*). */
const ENDS: readonly (readonly [end: JobEnd, ...statuses: number[]])[] = [
  ['timeout', -29, -28], // of the walltime, of CPU time
  ['out-of-memory', -27, -26], // -26: virtual memory
  ['node-failed', -20, -4], // -4: the MoM began anew
  // -10: the uid or gid is not accepted there; -2: a prologue said no, or there is no home directory (seen with 23.06)
  ['refused', -13, -10, -2, -1],
];
/** substate (job.h, JOB_SUBSTATE_TERMINATED): by qdel, before its start or in its run. */
const DELETED = 91;

/**
 * One query for all: without -E ("express") qstat asks for each job by itself, and prints of several the first alone
 * (qstat.c, seen with 23.06). The answer holds those that it knows and that are not over.
 */
export function status(jobs: readonly JobRef[], user: string): Question<ReadonlyMap<JobId, JobStatus>> {
  return asked(command(qstat('-E', ...byId(jobs).keys())), (answer) => owned(answer, jobs, user));
}

/** Also of a job that is over, where the server keeps those: it answers with none where it does not. */
export function lastSeen(job: JobRef, user: string): Question<JobStatus | undefined> {
  return asked(command(qstat('-x', job.id)), (answer) => owned(answer, [job], user).get(job.id));
}

/** The ids by qselect, which is told whose; names are the owner's own, for the rows are. */
export const ALL_MINE = 'ids=$(qselect -u "$1") || exit; [ -z "$ids" ] || exec qstat -E -f -F json $ids';

export function unfinished(user: string): Question<ReadonlyMap<string, JobId>> {
  const question = asked(command(['/bin/sh', '-c', ALL_MINE, 'sh', user]), (answer) => {
    const ours = entries(answer, 'Jobs').filter(([id, job]) => JOB_ID.test(id) && ownerOf(job) === user);
    return firstOfEach(ours.map(([id, job]) => ({ id, tag: text(job.Job_Name) ?? '' })));
  });
  const parse = (result: CommandResult) =>
    succeeded(result) && result.stdout.length === 0 ? ok(new Map()) : question.parse(result);
  return { ...question, parse };
}

/** A row counts with its number, its name and its owner: the server writes the owner, and nobody else (SECURITY R3, F-23). */
function owned(answer: Fields, jobs: readonly JobRef[], user: string): ReadonlyMap<JobId, JobStatus> {
  const known = byId(jobs);
  const ours = entries(answer, 'Jobs').filter(([id, job]) => {
    const { tag, owner } = known.get(id) ?? {};
    return tag && tag === job.Job_Name && ownerOf(job) === (owner?.user ?? user);
  });
  return new Map(ours.map(([id, job]) => [id, jobStatus(job)]));
}

/** `alice@login3` → alice. */
function ownerOf(job: Fields): string | undefined {
  return text(job.Job_Owner)?.replace(/@[^@]*$/, '');
}

export function jobStatus(job: Fields): JobStatus {
  const raw = text(job.job_state) ?? '';
  const state = STATES.get(raw) ?? 'unknown';
  const startsAt = epoch(text(job.stime));
  const walltime = walltimeOf(job.Resource_List);
  const ended = state === 'ended' ? epoch(text(job.obittime)) : undefined;
  const endsAt = ended ?? (startsAt && walltime && startsAt + walltime);
  const reason = text(job.comment) ?? '';
  return {
    state,
    raw,
    nodes: nodesOf(text(job.exec_host) ?? ''),
    ...(startsAt !== undefined && { startsAt }),
    ...(endsAt !== undefined && { endsAt }),
    ...(state === 'ended' && endOf(number(job.Exit_status), number(job.substate))),
    ...(state === 'pending' && { reason, waiting: commentInWords(reason) }),
    restarts: Math.max(0, (number(job.run_count) ?? 1) - 1),
  };
}

/** Above 256 it is 256 + signal, here given as shells do: 128 + signal. Without a status it never ran. */
function endOf(status: number | undefined, substate: number | undefined): Pick<JobStatus, 'end' | 'exitCode'> {
  if (status === undefined) return { end: substate === DELETED ? 'cancelled' : 'refused' };
  if (status < 0) return { end: ENDS.find(([, ...statuses]) => statuses.includes(status))?.[0] ?? 'failed' };
  const exitCode = status > 256 ? 128 + (status - 256) : status;
  if (substate === DELETED) return { end: 'cancelled', exitCode };
  return { end: status === 0 ? 'completed' : 'failed', exitCode };
}

/** `c1/0*4+c1/1+c2[0]/2` → c1, c2: each once, in order. */
export function nodesOf(text: string): string[] {
  const names = text.split('+').flatMap((part) => /^([A-Za-z0-9][A-Za-z0-9._-]*)([[/]|$)/.exec(part)?.[1] ?? []);
  return [...new Set(names)];
}

/** `Sun Nov 22 21:00:57 2026`, by our TZ in UTC. */
export function epoch(text: string | undefined): number | undefined {
  const isDate = /^[A-Z][a-z]{2} +[A-Z][a-z]{2} +[0-9]{1,2} +[0-9:]{8} +[0-9]{4}$/.test(text ?? '');
  const ms = isDate ? Date.parse(`${text} UTC`) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

/** Of a list of resources, in seconds: `99:00:00`, `05:30` or seconds. */
export function walltimeOf(resources: unknown): number | undefined {
  return isFields(resources) ? clockSeconds(text(resources.walltime) ?? '') : undefined;
}
