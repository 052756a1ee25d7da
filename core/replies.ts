/**
 * What the commands of a scheduler reply. It says no in two ways: it did not answer, which says nothing of the job, or it refused. The words by which
 * they are told apart are its own; what follows from them is the same for all.
 */
import type { Answer, CommandResult } from './command.ts';
import { endedInWords, exitCode, ok, refused, succeeded, textOf, unreachable } from './command.ts';
import { type ErrorCode, HpcbinderError } from './errors.ts';
import type { JobId, ResourceRequest } from './scheduler.ts';
import { lastLines } from './text.ts';

export type Refusals = {
  /** as people call it: Slurm */
  product: string;
  /** sent or not, nobody knows: the job may have been accepted (SECURITY F-11) */
  inDoubt: RegExp;
  down: RegExp;
  /** the first that matches counts; `ofGpus`: the code where the job asks for GPUs and the words name nothing */
  rows: readonly (readonly [said: RegExp, code: ErrorCode, means: string, ofGpus?: ErrorCode])[];
  hints: Readonly<Partial<Record<ErrorCode, string>>>;
  /** a command that shows how it is */
  shows: string;
};

/**
 * What is said of a command that did not succeed. `job`: of a submit, which may have left a job behind without saying so.
 */
export function refusing({ product, inDoubt, down, rows, hints, shows }: Refusals) {
  return (what: string, job?: ResourceRequest) =>
    (result: CommandResult): Answer<never> => {
      const said = textOf(result.stderr);
      const how = endedInWords(result.ended);
      const fault = (code: ErrorCode, message: string, hint = hints[code], transient = false) =>
        new HpcbinderError(code, { message, hint, evidence: lastLines(said, 4), transient });
      const code = exitCode(result);
      if (code === 126 || code === 127) {
        const hint = `Say where ${product} is installed: \`path\` or \`modules\` in the cluster’s entry.`;
        return refused(fault('E-NO-SCHEDULER', `${what} cannot be run there (${how})`, hint));
      }
      if (job !== undefined && (code === undefined || code === 0 || inDoubt.test(said))) {
        const message = `it is not known whether ${product} accepted the job (${how})`;
        return unreachable(fault('E-SUBMIT-UNKNOWN', message, undefined, true));
      }
      if (code === undefined || result.truncated || inDoubt.test(said) || down.test(said)) {
        const hint = `Running jobs go on. \`${shows}\` on the cluster shows it; try again in a few minutes.`;
        return unreachable(fault('E-SCHEDULER-DOWN', `${product} does not answer to ${what} (${how})`, hint, true));
      }
      const [, refusal = 'E-SCHEDULER', means = how, ofGpus = refusal] = rows.find(([row]) => row.test(said)) ?? [];
      const asked = job === undefined ? what : 'the job';
      return refused(fault(job?.gpus ? ofGpus : refusal, `${product} refused ${asked}: ${means}`));
    };
}

/** What a command did, or, by the first of these words on its stderr, why it did not. */
export function either<Done extends string, Not extends string>(
  done: Done,
  failed: (result: CommandResult) => Answer<never>,
  not: readonly (readonly [said: RegExp, why: Not])[],
): (result: CommandResult) => Answer<Done | Not> {
  return (result) => {
    if (succeeded(result)) return ok(done);
    const why = not.find(([said]) => said.test(textOf(result.stderr)))?.[1];
    return why === undefined ? failed(result) : ok(why);
  };
}

/** The number of the job, in the last line that a submit prints: a site's plug-in or hook may speak before it. */
export function submitted(
  number: RegExp,
  failed: (result: CommandResult) => Answer<never>,
): (result: CommandResult) => Answer<JobId> {
  return (result) => {
    const id = number.exec(textOf(result.stdout).trimEnd().split('\n').at(-1) ?? '')?.[1];
    return succeeded(result) && id !== undefined ? ok(id) : failed(result);
  };
}
