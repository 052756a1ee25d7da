/**
 * Slurm's two ways of saying no: the controller did not answer, or it refused. Words from src/common/slurm_errno.c,
 * which are the same in every command; English by LC_ALL=C.
 */
import type { Command, CommandResult, Question } from '../../core/command.ts';
import { ok, succeeded, textOf } from '../../core/command.ts';
import { refusing } from '../../core/replies.ts';

/** Times as epoch seconds, for local ones are ambiguous twice a year. 15 s: with the controller down squeue takes 18. */
export function command(argv: readonly string[], timeoutMs = 15_000): Command {
  return { argv, env: { LC_ALL: 'C', SLURM_TIME_FORMAT: '%s' }, timeoutMs, maxBytes: 16 << 20 };
}

const IN_DOUBT =
  /timed out|Zero Bytes were trans|Unexpected message rec|Message (send|receive) fail|Unspecified error/i;
const DOWN =
  /contact slurm controller|Connection refused|connect failure|Communication connection|standby mode|not responding|temporarily unable|Unable to establish c|DNS SRV|munge|Protocol authentication|Resource temporarily/i;

export const failure = refusing({
  product: 'Slurm',
  inDoubt: IN_DOUBT,
  down: DOWN,
  shows: 'scontrol ping',
  rows: [
    [/invalid partition|partition.*(not |un)available/i, 'E-PARTITION', 'there is no such partition, or not for you'],
    [/invalid account/i, 'E-ACCOUNT', 'this account may not be used with this partition'],
    [/invalid qos/i, 'E-ACCOUNT', 'this QOS may not be used'],
    [/gres|Invalid GPU|Trackable RESource/i, 'E-GPU', 'the cluster has no such GPU, or not that many in a node'],
    [/time limit is invalid/i, 'E-LIMIT', 'the walltime is over the limit of the partition or of your account'],
    [/Memory specification/i, 'E-LIMIT', 'no node of the partition has that much memory'],
    // of memory and cores it says so in a line of its own; of GPUs only this (seen with 24.11)
    [
      /processors|CPU count|Node count|node configuration/i,
      'E-LIMIT',
      'no node of the partition has all that is asked for',
      'E-GPU',
    ],
    [/Job violates accounting|\b(QOS|Assoc)|limit/, 'E-LIMIT', 'a limit of your account or QOS forbids this job'],
    [/reservation/i, 'E-OPTION', 'there is no such reservation, or not for you'],
    [/invalid feature/i, 'E-OPTION', 'no node has the features of the constraint'],
    [/unrecognized|ambiguous|Invalid .* specification|argument/i, 'E-OPTION', 'one of the options is not accepted'],
  ],
  hints: {
    'E-PARTITION': '`hpcbinder partitions` lists those there are.',
    'E-ACCOUNT': 'Choose one of yours with --account and --qos.',
    'E-GPU': '`hpcbinder partitions` lists the GPUs of each partition.',
    'E-LIMIT': 'Ask for less with --time, --cpus, --mem or --gpus, or choose another --partition, --account or --qos.',
    'E-OPTION':
      'On the cluster: `scontrol show reservation` lists reservations, `sinfo -o "%P %f"` features, `man sbatch` the options.',
  },
});

/**
 * A whole answer: half a list would make the other half absent. An error on stderr beside an empty list counts as none:
 * squeue exits with 0 when it can't resolve a user (seen with 24.11: "Invalid user").
 */
function complete(result: CommandResult): boolean {
  const said = textOf(result.stderr);
  if (!succeeded(result) || result.truncated || IN_DOUBT.test(said) || DOWN.test(said)) return false;
  return result.stdout.length > 0 || !/error:/.test(said);
}

/** A question whose whole answer is text on stdout. */
export function listing<T>(argv: readonly [string, ...string[]], read: (text: string) => T): Question<T> {
  return {
    command: command(argv),
    parse: (result) => (complete(result) ? ok(read(textOf(result.stdout))) : failure(argv[0])(result)),
  };
}
