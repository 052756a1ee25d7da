/** PBS's records of jobs: qstat by id, so that no other user's words are in the answer (SECURITY R3, INJ-10). */
import { type CommandResult, ok, type Question, succeeded } from '../../core/command.ts';
import { SESSION_ID } from '../../core/ids.ts';
import type { JobEnd, JobId, JobRef, JobState, JobStatus } from '../../core/scheduler.ts';
import { asked, entries, isJson, JOB_ID, type Json } from './answers.ts';
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
const ENDS: ReadonlyMap<number, JobEnd> = new Map([
  [-29, 'timeout'],
  [-28, 'timeout'], // CPU time
  [-27, 'out-of-memory'],
  [-26, 'out-of-memory'], // virtual memory
  [-20, 'node-failed'],
  [-13, 'refused'],
  [-10, 'refused'], // the uid or gid is not accepted on the node
  [-4, 'node-failed'], // the MoM began anew
  [-2, 'refused'], // not started: a prologue said no, or there is no home directory (seen with 23.06)
  [-1, 'refused'],
]);
/** substate (job.h, JOB_SUBSTATE_TERMINATED): by qdel, before its start or in its run. */
const DELETED = 91;

/**
 * One query for all: without -E ("express") qstat asks for each job by itself, and prints of several the first alone
 * (qstat.c, seen with 23.06). The answer holds those that it knows and that are not over.
 */
export function status(jobs: readonly JobRef[], user: string): Question<ReadonlyMap<JobId, JobStatus>> {
  const ids = [...new Set(jobs.map(({ id }) => id))];
  return asked(['qstat', '-E', '-f', '-F', 'json', ...ids], (answer) => owned(answer, jobs, user));
}

/** Also of a job that is over, where the server keeps those: it answers with none where it does not. */
export function lastSeen(job: JobRef, user: string): Question<JobStatus | undefined> {
  return asked(['qstat', '-x', '-f', '-F', 'json', job.id], (answer) => owned(answer, [job], user).get(job.id));
}

/** The ids by qselect, which is told whose; names are the owner's own, for the rows are. */
const ALL_MINE = 'ids=$(qselect -u "$1") || exit; [ -z "$ids" ] || exec qstat -E -f -F json $ids';

export function unfinished(user: string): Question<ReadonlyMap<string, JobId>> {
  const question = asked(['/bin/sh', '-c', ALL_MINE, 'sh', user], (answer) => {
    const found = new Map<string, JobId>();
    for (const [id, job] of entries(answer, 'Jobs')) {
      const name = text(job.Job_Name) ?? '';
      const ours = JOB_ID.test(id) && ownerOf(job) === user && SESSION_ID.test(name);
      const first = Number.parseInt(found.get(name) ?? '', 10);
      if (ours && !(first < Number.parseInt(id, 10))) found.set(name, id);
    }
    return found;
  });
  const parse = (result: CommandResult) =>
    succeeded(result) && result.stdout.length === 0 ? ok(new Map()) : question.parse(result);
  return { ...question, parse };
}

/** A row counts with its number, its name and its owner: the server writes the owner, and nobody else (SECURITY R3, F-23). */
function owned(answer: Json, jobs: readonly JobRef[], user: string): ReadonlyMap<JobId, JobStatus> {
  const known = new Map<JobId, { tag: string; user: string }>();
  // of two names with one number, an old and a new one, the answer does not say whose it is
  for (const { id, tag, owner } of jobs)
    known.set(id, { tag: (known.get(id)?.tag ?? tag) === tag ? tag : '', user: owner?.user ?? user });
  const rows = entries(answer, 'Jobs').filter(([id, job]) => {
    const ours = known.get(id);
    return ours?.tag && ours.tag === job.Job_Name && ownerOf(job) === ours.user;
  });
  return new Map(rows.map(([id, job]) => [id, jobStatus(job)]));
}

/** `alice@login3` → alice. */
function ownerOf(job: Json): string | undefined {
  return text(job.Job_Owner)?.replace(/@[^@]*$/, '');
}

export function jobStatus(job: Json): JobStatus {
  const raw = text(job.job_state) ?? '';
  const state = STATES.get(raw) ?? 'unknown';
  const known: JobStatus = { state, raw, nodes: nodesOf(text(job.exec_host) ?? '') };
  const startsAt = epoch(text(job.stime));
  const walltime = isJson(job.Resource_List) ? secondsOf(text(job.Resource_List.walltime)) : undefined;
  const endsAt = epoch(text(job.obittime));
  if (startsAt !== undefined) known.startsAt = startsAt;
  if (state === 'ended' && endsAt !== undefined) known.endsAt = endsAt;
  else if (startsAt !== undefined && walltime !== undefined) known.endsAt = startsAt + walltime;
  if (state === 'ended') Object.assign(known, endOf(number(job.Exit_status), number(job.substate)));
  const reason = text(job.comment) ?? '';
  if (state === 'pending') Object.assign(known, { reason, waiting: commentInWords(reason) });
  known.restarts = Math.max(0, (number(job.run_count) ?? 1) - 1);
  return known;
}

/** Above 256 it is 256 + signal, here given as shells do: 128 + signal. Without a status it never ran. */
function endOf(status: number | undefined, substate: number | undefined): Pick<JobStatus, 'end' | 'exitCode'> {
  if (status === undefined) return { end: substate === DELETED ? 'cancelled' : 'refused' };
  if (status < 0) return { end: ENDS.get(status) ?? 'failed' };
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
  const match = /^[A-Z][a-z]{2} +([A-Z][a-z]{2}) +([0-9]{1,2}) +([0-9:]{8}) +([0-9]{4})$/.exec(text ?? '');
  const ms = match === null ? Number.NaN : Date.parse(`${match[2]} ${match[1]} ${match[4]} ${match[3]} UTC`);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

/** `99:00:00`, `05:30` or seconds. */
export function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]+(:[0-9]{1,2}){0,2}$/.test(text)) return undefined;
  return text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** JSON of PBS writes a number as such, or, in some versions, as a word. */
export function number(value: unknown): number | undefined {
  const found = /^-?[0-9]+$/.test(String(value)) ? Number(value) : undefined;
  return Number.isSafeInteger(found) ? found : undefined;
}
