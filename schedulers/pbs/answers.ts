/**
 * PBS's two ways of saying no. The exit code is the error's number modulo 256 (pbs_error.h: 15001 "Unknown Job Id" exits
 * with 153), and good JSON may stand beside a bad code: both are read.
 */
import type { Answer, Command, CommandResult, Question } from '../../core/command.ts';
import { endedInWords, exitCode, ok, refused, textOf, unreachable } from '../../core/command.ts';
import { type ErrorCode, HpcbinderError } from '../../core/errors.ts';
import type { ResourceRequest } from '../../core/scheduler.ts';
import { lastLines } from '../../core/text.ts';

/** TZ: qstat prints local times without their zone. 15 s: with the server frozen qstat waits for ever (SECURITY F-21). */
export function command(argv: readonly string[], timeoutMs = 15_000): Command {
  return { argv, env: { LC_ALL: 'C', TZ: 'UTC' }, timeoutMs, maxBytes: 16 << 20 };
}

/** `12.pbs`, `12.pbs01.site.edu`; an array's `12[].pbs` is none of ours (SECURITY F-33). */
export const JOB_ID = /^[0-9]+\.[A-Za-z0-9][A-Za-z0-9.-]*$/;
export const NO_SUCH_JOB: readonly (number | undefined)[] = [153, 35]; // unknown; over
/** job_history_enable is off, as it is by default. qstat exits with 0 when it says this (qstat.c). */
export const NO_HISTORY = /not configured to maintain job history/i;
/** Sent or not, nobody knows: the job may have been accepted (SECURITY F-11). */
const IN_DOUBT = /timed? ?out|End of File|Communication failure|protocol error|(Premature|Unexpected) end/i;
const DOWN =
  /cannot connect to server|Connection refused|No Permission to connect|No free connections|Server shutting down|cannot (locate|resolve)|errno=/i;

const REFUSALS: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [/invalid option|illegal -|usage:/i, 'E-OPTION', 'an option is not accepted'],
  [/Unknown queue|No default queue/i, 'E-PARTITION', 'there is no such queue'],
  [/Queue is not enabled/i, 'E-PARTITION', 'the queue takes no jobs at present'],
  [/Access to queue|Unauthorized|Bad [UG]ID|rejected by all/i, 'E-ACCOUNT', 'the queue or the group is not for you'],
  [/Unknown resource:? *ngpus/i, 'E-GPU', 'the site knows no resource "ngpus"'],
  [/Invalid account|project/i, 'E-ACCOUNT', 'this account or project may not be used'],
  [/violates queue|exceeds|limit|already in queue/i, 'E-LIMIT', 'it is over a limit of the queue or the server'],
  [/Unknown resource|Illegal|Dependency/i, 'E-OPTION', 'an option is not accepted'],
];
const HINTS: ReadonlyMap<ErrorCode, string> = new Map([
  ['E-PARTITION', '`qstat -Q` on the cluster lists the queues; choose one with --queue.'],
  ['E-ACCOUNT', 'Choose another --queue or --account, or a project: --qsub "-P NAME".'],
  ['E-GPU', 'Ask the site for the name of its GPU resource, and give it by --constraint NAME=COUNT.'],
  ['E-LIMIT', 'Ask for less with --time, --cpus, --mem or --gpus, or choose another --queue.'],
  ['E-OPTION', 'On the cluster: `qstat -Qf` shows limits, `pbsnodes -a` resources, `man qsub` the options.'],
  ['E-NO-SCHEDULER', 'Say where PBS is installed: `path` or `modules` in the cluster’s entry.'],
  ['E-SCHEDULER-DOWN', 'Running jobs go on. `qstat -B` on the cluster shows the server; try again in a few minutes.'],
]);

/** Of a command that did not succeed. `job`: of a submit, which may have left a job behind without saying so. */
export function failure(what: string, result: CommandResult, job?: ResourceRequest): Answer<never> {
  const said = textOf(result.stderr);
  const how = endedInWords(result.ended);
  const fault = (code: ErrorCode, message: string, transient = false) =>
    new HpcbinderError(code, { message, hint: HINTS.get(code), evidence: lastLines(said, 4), transient });
  const code = exitCode(result);
  if (code === 126 || code === 127) return refused(fault('E-NO-SCHEDULER', `${what} cannot be run there (${how})`));
  if (job !== undefined && (code === undefined || code === 0 || IN_DOUBT.test(said))) {
    return unreachable(fault('E-SUBMIT-UNKNOWN', `it is not known whether PBS accepted the job (${how})`, true));
  }
  if (code === undefined || result.truncated || IN_DOUBT.test(said) || DOWN.test(said)) {
    return unreachable(fault('E-SCHEDULER-DOWN', `PBS does not answer to ${what} (${how})`, true));
  }
  const [, refusal = 'E-SCHEDULER', words = how] = REFUSALS.find(([pattern]) => pattern.test(said)) ?? [];
  return refused(fault(refusal as ErrorCode, `PBS refused ${job === undefined ? what : 'the job'}: ${words}`));
}

export type Json = { readonly [key: string]: unknown };

/**
 * A question answered in JSON. The JSON also counts beside the codes that say of one job that it is over or unknown;
 * without the frame of a PBS answer it is none, whatever the code.
 */
export function asked<T>(
  argv: readonly [string, ...string[]],
  read: (answer: Json) => T,
  timeoutMs?: number,
): Question<T> {
  const parse = (result: CommandResult): Answer<T> => {
    const code = exitCode(result);
    const heard = code === 0 || NO_SUCH_JOB.includes(code);
    const answer = heard ? parsed(result) : undefined;
    return answer ? ok(read(answer)) : failure(argv[0], heard ? { ...result, truncated: true } : result);
  };
  return { command: command(argv, timeoutMs), parse };
}

function parsed(result: CommandResult): Json | undefined {
  if (result.truncated) return undefined;
  try {
    const answer: unknown = JSON.parse(textOf(result.stdout));
    return isJson(answer) && typeof answer.pbs_version === 'string' ? answer : undefined;
  } catch {
    return undefined;
  }
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The entries of a field that is itself an object; none where it is absent. */
export function entries(answer: Json, field: string): readonly (readonly [string, Json])[] {
  const value = Object.hasOwn(answer, field) ? answer[field] : undefined;
  if (!isJson(value)) return [];
  return Object.entries(value).filter((entry): entry is [string, Json] => isJson(entry[1]));
}
