/**
 * The controller's memory, by squeue. Only fields that no user can write are asked for, and a row counts only with the
 * owner's uid (SECURITY R3, INJ-10).
 */
import type { Question } from '../../core/command.ts';
import { byId, firstOf, firstOfEach } from '../../core/ours.ts';
import type { JobId, JobRef, JobStatus } from '../../core/scheduler.ts';
import { listing } from './answers.ts';
import { expandHostlist } from './hostlist.ts';
import { reasonInWords } from './reasons.ts';
import { stateOf } from './states.ts';

/** Lines of exactly `width` fields, the last of which may hold the separator. Others are not ours. */
export function rows(text: string, width: number): string[][] {
  const lines = text.split('\n').map((line) => line.split('|'));
  const long = lines.filter((fields) => fields.length >= width);
  for (const fields of long) if (fields.length > width) fields.push(fields.splice(width - 1).join('|'));
  return long;
}

/** squeue prints a uid over 2^31 as a negative number (seen with 24.11: 4294967293 is -3), sacct as it is (F-48). */
export function isOwner(uid: string | undefined, owner: number): boolean {
  return uid === String(owner) || uid === String(owner | 0);
}

/** SLURM_TIME_FORMAT=%s; `N/A` and `Unknown` are times that are not known. */
export function epoch(text: string): number | undefined {
  return /^[0-9]{9,11}$/.test(text) ? Number(text) : undefined;
}

/**
 * One query for all jobs, of however many owners: --user is answered from the controller's own table, while one purged id alone in
 * --jobs fails the whole command (exit 1, "Invalid job id specified"). Jobs that ended stay visible for MinJobAge.
 */
export function status(jobs: readonly JobRef[], owner: number): Question<ReadonlyMap<JobId, JobStatus>> {
  // the names are a filter and not a field: what is printed stays what nobody can write
  const owners = [...new Set(jobs.map((job) => job.owner?.uid ?? owner))];
  const names = [...new Set(jobs.map(({ tag }) => tag))].join(',');
  return listing([...ofOwner(...owners), `--name=${names}`, '-o', '%A|%T|%N|%U|%e|%S|%r'], (text) => {
    const known = byId(jobs);
    const seen = new Map<JobId, JobStatus>();
    for (const [id = '', word = '', nodes = '', uid, end = '', start = '', reason] of rows(text, 7)) {
      const job = known.get(id);
      if (job?.tag && isOwner(uid, job.owner?.uid ?? owner)) seen.set(id, jobStatus(word, nodes, start, end, reason));
    }
    return seen;
  });
}

/** Names are the owner's own, for the rows are. */
export function unfinished(owner: number): Question<ReadonlyMap<string, JobId>> {
  return listing([...ofOwner(owner), '-o', '%A|%U|%T|%j'], (text) => {
    const live = rows(text, 4).filter(([, uid, word = '']) => isOwner(uid, owner) && stateOf(word)[0] !== 'ended');
    return firstOfEach(live.map(([id = '', , , tag = '']) => ({ id, tag })));
  });
}

function ofOwner(...owners: readonly number[]): readonly [string, ...string[]] {
  return ['squeue', '-h', '-a', '--states=all', `--user=${owners.join(',')}`];
}

export function jobStatus(word: string, nodes: string, start: string, end: string, reason?: string): JobStatus {
  const [state, kind] = stateOf(word);
  const known: JobStatus = { state, raw: word, nodes: expandHostlist(nodes) };
  if (kind !== undefined) known.end = kind;
  const startsAt = epoch(start);
  const endsAt = epoch(end);
  if (startsAt !== undefined) known.startsAt = startsAt;
  if (endsAt !== undefined) known.endsAt = endsAt;
  if (known.state === 'pending' && reason !== undefined) {
    known.reason = reason;
    known.waiting = reasonInWords(reason);
  }
  return known;
}

/** Running, waiting, or ended within MinJobAge. */
export function findInQueue(tag: string, owner: number): Question<JobId | undefined> {
  return listing([...ofOwner(owner), `--name=${tag}`, '-o', '%A|%U'], (text) => firstOwned(text, owner));
}

export function firstOwned(text: string, owner: number): JobId | undefined {
  const ours = rows(text, 2).filter(([id = '', uid]) => /^[0-9]+$/.test(id) && isOwner(uid, owner));
  return firstOf(ours.map(([id = '']) => id));
}

/** What squeue says at the end, with the exit code, for sites without accounting and until accounting has caught up. */
export function lastSeen({ id, tag }: JobRef, owner: number): Question<JobStatus | undefined> {
  const fields = 'JobID:|,UserID:|,State:|,exit_code:|,RestartCnt:|,StartTime:|,EndTime:|,NodeList:';
  return listing([...ofOwner(owner), `--name=${tag}`, '-O', fields], (text) => {
    const ours = rows(text, 8).find(([row, uid]) => row === id && isOwner(uid, owner));
    if (ours === undefined) return undefined;
    const [, , word = '', code = '', restarts, start = '', end = '', nodes = ''] = ours;
    return { ...jobStatus(word, nodes.trim(), start, end), ...exitOf(code), restarts: Number(restarts) };
  });
}

/**
 * `3:0` exited with 3, `0:9` was killed by signal 9; a killed one is 128 + signal, as shells count. `0:53` is no signal: slurmd
 * says so where it cannot open the log (seen with 24.11: "IO setup failed", with the home missing or read-only there).
 */
export function exitOf(text: string): { exitCode?: number; unopened?: true } {
  const [, code, signal] = /^([0-9]+)(?::([0-9]+))?$/.exec(text) ?? [];
  if (code === undefined) return {};
  if (code === '0' && signal === '53') return { unopened: true };
  return { exitCode: signal === undefined || signal === '0' ? Number(code) : 128 + Number(signal) };
}

/** By priority, then by age. Numbers only: names of others are nobody's business. Sites may show a user no jobs but his own. */
export function position(
  { id }: JobRef,
  partition: string | undefined,
): Question<{ ahead: number; waiting: number } | undefined> {
  const where = partition === undefined ? [] : [`--partition=${partition}`];
  return listing(['squeue', '-h', '--states=PENDING', ...where, '--sort=-p,i', '-o', '%A'], (text) => {
    const ids = text.split('\n').filter((line) => /^[0-9]+$/.test(line));
    const ahead = ids.indexOf(id);
    return ahead < 0 ? undefined : { ahead, waiting: ids.length };
  });
}
