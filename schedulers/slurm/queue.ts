/**
 * The controller's memory, by squeue. Only fields that no user can write are asked for, and a row counts only with the
 * owner's uid (SECURITY R3, INJ-10).
 */
import { ok, type Question, textOf } from '../../core/command.ts';
import type { JobId, JobStatus } from '../../core/scheduler.ts';
import { command, complete, failure } from './answers.ts';
import { expandHostlist } from './hostlist.ts';
import { stateOf } from './states.ts';

/** Lines of exactly `width` fields, the last of which may hold the separator. Others are not ours. */
export function rows(text: string, width: number): string[][] {
  const lines = text.split('\n').map((line) => line.split('|'));
  const long = lines.filter((fields) => fields.length >= width);
  for (const fields of long) if (fields.length > width) fields.push(fields.splice(width - 1).join('|'));
  return long;
}

/** SLURM_TIME_FORMAT=%s; `N/A` and `Unknown` are times that are not known. */
export function epoch(text: string): number | undefined {
  return /^[0-9]{9,11}$/.test(text) ? Number(text) : undefined;
}

/**
 * One query for all jobs of the owner: --user is answered from the controller's own table, while one purged id alone in
 * --jobs fails the whole command (exit 1, "Invalid job id specified"). Jobs that ended stay visible for MinJobAge.
 */
export function status(ids: readonly JobId[], owner: number): Question<ReadonlyMap<JobId, JobStatus>> {
  const format = '%A|%T|%N|%U|%e|%S|%r';
  return {
    command: command(['squeue', '-h', '-a', '--states=all', `--user=${owner}`, '-o', format]),
    parse(result) {
      if (!complete(result)) return failure('squeue', result);
      const wanted = new Set(ids);
      const seen = new Map<JobId, JobStatus>();
      for (const [id = '', word = '', nodes = '', uid, end = '', start = '', reason = ''] of rows(
        textOf(result.stdout),
        7,
      )) {
        if (!wanted.has(id) || uid !== String(owner)) continue;
        seen.set(id, jobStatus(word, nodes, start, end, reason));
      }
      return ok(seen);
    },
  };
}

export function jobStatus(word: string, nodes: string, start: string, end: string, reason?: string): JobStatus {
  const [state, kind] = stateOf(word);
  const known: JobStatus = { state, raw: word, nodes: expandHostlist(nodes) };
  if (kind !== undefined) known.end = kind;
  const startsAt = epoch(start);
  const endsAt = epoch(end);
  if (startsAt !== undefined) known.startsAt = startsAt;
  if (endsAt !== undefined) known.endsAt = endsAt;
  if (known.state === 'pending' && reason !== undefined) known.reason = reason;
  return known;
}

/** Running, waiting, or ended within MinJobAge. */
export function findInQueue(tag: string, owner: number): Question<JobId | undefined> {
  return {
    command: command(['squeue', '-h', '-a', '--states=all', `--user=${owner}`, `--name=${tag}`, '-o', '%A|%U']),
    parse(result) {
      if (!complete(result)) return failure('squeue', result);
      return ok(firstOwned(textOf(result.stdout), owner));
    },
  };
}

/** The lowest id: with two jobs of one name the second waits for the first (--dependency=singleton). */
export function firstOwned(text: string, owner: number): JobId | undefined {
  const ids = rows(text, 2).filter(([id = '', uid]) => /^[0-9]+$/.test(id) && uid === String(owner));
  return ids.map(([id = '']) => id).sort((a, b) => Number(a) - Number(b))[0];
}

/** What squeue says at the end, with the exit code, for sites without accounting and until accounting has caught up. */
export function lastSeen(id: JobId, owner: number): Question<JobStatus | undefined> {
  const format = 'JobID:|,UserID:|,State:|,exit_code:|,RestartCnt:|,StartTime:|,EndTime:|,NodeList:';
  return {
    command: command(['squeue', '-h', '-a', '--states=all', `--user=${owner}`, '-O', format]),
    parse(result) {
      if (!complete(result)) return failure('squeue', result);
      for (const [row, uid, word = '', code = '', restarts, start = '', end = '', nodes = ''] of rows(
        textOf(result.stdout),
        8,
      )) {
        if (row !== id || uid !== String(owner)) continue;
        return ok({ ...jobStatus(word, nodes.trim(), start, end), ...exitOf(code), restarts: Number(restarts) });
      }
      return ok(undefined);
    },
  };
}

/** `3:0` exited with 3, `0:9` was killed by signal 9; a killed one is 128 + signal, as shells count. */
export function exitOf(text: string): { exitCode?: number } {
  const [, code, signal] = /^([0-9]+)(?::([0-9]+))?$/.exec(text) ?? [];
  if (code === undefined) return {};
  return { exitCode: signal === undefined || signal === '0' ? Number(code) : 128 + Number(signal) };
}
