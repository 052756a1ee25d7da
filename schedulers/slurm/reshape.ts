/** Another shape for a job that waits, in place (scontrol(1), SPECIFICATIONS FOR UPDATE COMMAND). */
import { ok, succeeded, textOf } from '../../core/command.ts';
import type { Scheduler } from '../../core/scheduler.ts';
import { clockTime } from '../../core/units.ts';
import { command, failure } from './answers.ts';
import { checkRequest, gresOf } from './options.ts';

/** As Slurm 24.11 says it: of one that runs, of one that has ended, of a name that no job has any more. */
const BEGUN = /no longer pending|already finished|already completing|Invalid job id|No jobs with/i;

/**
 * One update, of which Slurm takes all or nothing. By name and owner: a number may have become another's (SECURITY F-23).
 * MinCPUsNode is always there, for it may be set of a job that waits alone: without it an update would shorten one that began a
 * moment ago.
 */
export const reshape: NonNullable<Scheduler['reshape']> = ({ tag }, owner, before, wanted) => {
  checkRequest(wanted);
  const { cpus, memoryMb, seconds, partition } = wanted;
  const [gres, was] = [gresOf(wanted), gresOf(before)];
  const words = [
    `TimeLimit=${clockTime(seconds)}`,
    `MinCPUsNode=${cpus}`,
    ...(partition === undefined || partition === before.partition ? [] : [`Partition=${partition}`]),
    ...(gres === was ? [] : [`Gres=${gres ?? ''}`]),
    // TresPerTask is what sbatch makes of --cpus-per-task: left as it was, srun inside would see two answers
    ...(cpus === before.cpus ? [] : [`NumCPUs=${cpus}`, `CPUsPerTask=${cpus}`, `TresPerTask=cpu=${cpus}`]),
    ...(memoryMb === before.memoryMb ? [] : [`MinMemoryNode=${memoryMb}`]),
  ];
  return {
    command: command(['scontrol', 'update', `JobName=${tag}`, `UserID=${owner}`, ...words]),
    parse(result) {
      if (succeeded(result)) return ok('changed');
      return BEGUN.test(textOf(result.stderr)) ? ok('begun') : failure('scontrol update')(result);
    },
  };
};
