/**
 * Slurm's two ways of saying no: the controller did not answer, or it refused. Words from src/common/slurm_errno.c,
 * which are the same in every command; English by LC_ALL=C.
 */
import {
  type Answer,
  type Command,
  type CommandResult,
  endedInWords,
  exitCode,
  refused,
  textOf,
  unreachable,
} from '../../core/command.ts';
import { type ErrorCode, HpcbinderError } from '../../core/errors.ts';
import { lastLines } from '../../core/text.ts';

/** A squeue whose controller is down answers after 18 s (measured): we stop waiting before. */
const QUERY_MS = 15_000;

/** Times as epoch seconds: local times are ambiguous twice a year. */
export function command(argv: readonly string[], timeoutMs = QUERY_MS): Command {
  return { argv, env: { LC_ALL: 'C', SLURM_TIME_FORMAT: '%s' }, timeoutMs, maxBytes: 16 << 20 };
}

/** Sent or not, nobody knows: the job may have been accepted (SECURITY F-11). */
const IN_DOUBT =
  /timed out|Zero Bytes were transmitted|Unexpected message received|Message (send|receive) failure|Unspecified error/i;
const DOWN =
  /Unable to contact slurm controller|Connection refused|connect failure|Communication connection|standby mode|not responding|temporarily unable|Unable to establish c|DNS SRV|[Mm]unge|Protocol authentication|Job violates accounting.*retry|Resource temporarily unavailable/;

export function controllerSilent(text: string): boolean {
  return IN_DOUBT.test(text) || DOWN.test(text);
}

type Refusal = readonly [pattern: RegExp, code: ErrorCode, message: string, hint: string];
const REFUSALS: readonly Refusal[] = [
  [
    /[Ii]nvalid partition|partition.*(not|un)available|required partition/,
    'E-PARTITION',
    'there is no such partition, or you may not use it',
    '`sinfo -s` on the cluster lists the partitions.',
  ],
  [
    /Invalid account|account.*not (valid|permitted)/i,
    'E-ACCOUNT',
    'this account may not be used with this partition',
    'Choose one of yours with --account.',
  ],
  [
    /Invalid qos|qos.*not (valid|permitted)/i,
    'E-ACCOUNT',
    'this QOS may not be used',
    'Choose one of yours with --qos.',
  ],
  [
    /gres|Invalid GPU|Invalid Trackable RESource/i,
    'E-GPU',
    'the cluster has no such GPU, or not that many in one node',
    '`sinfo -o "%P %G"` on the cluster lists the GPUs by partition.',
  ],
  [
    /time limit|Time limit specification|--time specification/i,
    'E-LIMIT',
    'the walltime is over the limit of the partition or of your account',
    'Ask for less with --time.',
  ],
  [
    /Memory specification|memory.*(limit|exceed)/i,
    'E-LIMIT',
    'no node of the partition has that much memory',
    'Ask for less with --mem.',
  ],
  [
    /More processors|CPU count|Node count specification|node configuration is not available/i,
    'E-LIMIT',
    'no node of the partition has all that the job asks for',
    'Ask for fewer cores, less memory or fewer GPUs.',
  ],
  [
    /Job violates accounting|QOSMax|Assoc|MaxSubmit|limit/,
    'E-LIMIT',
    'a limit of your account or QOS forbids this job',
    'Ask for less, stop another job of yours, or use another --account or --qos.',
  ],
  [
    /[Rr]eservation/,
    'E-OPTION',
    'this reservation may not be used',
    '`scontrol show reservation` on the cluster lists them.',
  ],
  [
    /[Ii]nvalid feature/,
    'E-OPTION',
    'the cluster has no node of this constraint',
    '`sinfo -o "%P %f"` on the cluster lists the features.',
  ],
  [
    /unrecognized option|is ambiguous|invalid option|Invalid .* specification|requires an argument|doesn't allow/i,
    'E-OPTION',
    'sbatch does not accept one of the options',
    'Compare the --sbatch words with `man sbatch` on the cluster.',
  ],
];

/** Of a command that did not succeed. `submits`: whether it could have left a job behind without saying so. */
export function failure(what: string, result: CommandResult, submits = false): Answer<never> {
  const said = textOf(result.stderr);
  const detail = { evidence: lastLines(said, 4) };
  const code = exitCode(result);
  if (code === 126 || code === 127) {
    const hint = 'Name where Slurm is installed: `path` or `modules` in the cluster’s entry.';
    return refused(
      new HpcbinderError('E-NO-SCHEDULER', { ...detail, message: `${what}: the command is not there`, hint }),
    );
  }
  if (submits && (code === undefined || code === 0 || IN_DOUBT.test(said))) {
    const message = `it is not known whether Slurm accepted the job (${endedInWords(result.ended)})`;
    return unreachable(new HpcbinderError('E-SUBMIT-UNKNOWN', { ...detail, message, transient: true }));
  }
  if (code === undefined || result.truncated || controllerSilent(said)) {
    const message = `${what}: Slurm does not answer (${endedInWords(result.ended)})`;
    const hint = 'Jobs that run go on. Try again in a few minutes; `scontrol ping` on the cluster shows its state.';
    return unreachable(new HpcbinderError('E-SCHEDULER-DOWN', { ...detail, message, hint, transient: true }));
  }
  for (const [pattern, refusal, message, hint] of REFUSALS) {
    if (pattern.test(said))
      return refused(new HpcbinderError(refusal, { ...detail, message: `${what}: ${message}`, hint }));
  }
  return refused(
    new HpcbinderError('E-SCHEDULER', { ...detail, message: `${what}: Slurm refused (${endedInWords(result.ended)})` }),
  );
}
