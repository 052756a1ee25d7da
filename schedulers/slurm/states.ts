/**
 * Slurm's job states, all of https://slurm.schedmd.com/job_state_codes.html (25.05), which squeue and sacct share.
 * A word that is not here is `unknown` and kept raw: only what we understand may end a session.
 */
import type { JobEnd, JobState } from '../../core/scheduler.ts';

type Row = readonly [word: string, state: JobState, end?: JobEnd];

const ROWS: readonly Row[] = [
  // base states
  ['PENDING', 'pending'],
  ['RUNNING', 'running'],
  ['SUSPENDED', 'suspended'], // by an administrator or gang scheduling; it keeps its node
  ['COMPLETED', 'ended', 'completed'],
  ['CANCELLED', 'ended', 'cancelled'],
  ['FAILED', 'ended', 'failed'],
  ['TIMEOUT', 'ended', 'timeout'],
  ['NODE_FAIL', 'ended', 'node-failed'],
  ['PREEMPTED', 'ended', 'preempted'], // with --no-requeue it stays so
  ['BOOT_FAIL', 'ended', 'node-failed'],
  ['DEADLINE', 'ended', 'timeout'], // the user's own --deadline
  ['OUT_OF_MEMORY', 'ended', 'out-of-memory'],
  // flags that squeue shows in place of the base state
  ['CONFIGURING', 'pending'], // nodes are given and still booting
  ['POWER_UP_NODE', 'pending'],
  ['COMPLETING', 'completing'],
  ['STAGE_OUT', 'completing'],
  ['UPDATE_DB', 'completing'],
  ['EXPEDITING', 'pending'], // requeued with the highest priority
  ['REQUEUED', 'pending'], // only an administrator can, for we ask --no-requeue
  ['REQUEUE_FED', 'pending'],
  ['REQUEUE_HOLD', 'pending'],
  ['RESV_DEL_HOLD', 'pending'], // held: its reservation was deleted
  ['SPECIAL_EXIT', 'pending'], // held after a requeue by the site
  ['RESIZING', 'running'],
  ['SIGNALING', 'running'],
  ['STOPPED', 'suspended'], // SIGSTOP; it keeps its node
  ['LAUNCH_FAILED', 'ended', 'node-failed'], // the prolog failed
  ['RECONFIG_FAIL', 'ended', 'node-failed'],
  ['REVOKED', 'unknown'], // federation: a sibling runs it elsewhere
];

type Meaning = readonly [state: JobState, end?: JobEnd];
const TABLE: ReadonlyMap<string, Meaning> = new Map(ROWS.map(([word, ...meaning]) => [word, meaning]));
const UNKNOWN: Meaning = ['unknown'];

export const STATE_WORDS: readonly string[] = ROWS.map((row) => row[0]);

/** sacct adds who cancelled: `CANCELLED by 2001`. */
export function stateOf(raw: string): Meaning {
  return TABLE.get(raw) ?? TABLE.get(raw.split(' ', 1)[0] ?? '') ?? UNKNOWN;
}
