/** Slurm as words. */
import { ok, succeeded, textOf } from '../../core/command.ts';
import { either, submitted } from '../../core/replies.ts';
import type { Scheduler } from '../../core/scheduler.ts';
import { finalStatus, find } from './accounting.ts';
import { allowance } from './allowance.ts';
import { command, failure } from './answers.ts';
import { offers } from './offers.ts';
import { checkRequest, jobWords, requestWords } from './options.ts';
import { position, status, unfinished } from './queue.ts';
import { reshape } from './reshape.ts';

/** The job starts with nothing of the login shell. NONE would make slurmd run a login shell for it first, which hangs where a profile does. */
const CLEAN = '--export=NIL';

export const slurm: Scheduler = {
  name: 'slurm',
  can: { singleton: true, testOnly: true, extend: false },
  check: checkRequest,
  submit: (job, scriptPath) => ({
    command: command(
      ['sbatch', '--parsable', CLEAN, ...jobWords(job), ...requestWords(job.request), scriptPath],
      60_000,
    ),
    // a federation adds ";cluster" to the id
    parse: submitted(/^([0-9]+)(?:;[\w.-]+)?$/, failure('sbatch', job.request)),
  }),
  status,
  finalStatus,
  find,
  unfinished,
  position,
  cancel: ({ id, tag }) => ({
    command: command(['scancel', '--verbose', `--name=${tag}`, id]),
    parse(result) {
      const over = /Invalid job id|already completing or completed/.test(textOf(result.stderr));
      if (over) return ok('already-over');
      return succeeded(result) ? ok('cancelled') : failure('scancel')(result);
    },
  }),
  reshape,
  extend: (id, seconds) => ({
    command: command(['scontrol', 'update', `JobId=${id}`, `TimeLimit=+${Math.ceil(seconds / 60)}`]),
    parse: either('extended', failure('scontrol'), [
      [/already finished|already completing|Invalid job id/i, 'over'],
      [/time limit is invalid|policy/i, 'over-limit'],
      [/denied/i, 'not-permitted'],
    ]),
  }),
  offers,
  shownToAll: (id) => [
    ['scontrol', '-dd', 'show', 'job', id],
    ['squeue', '-h', '-j', id, '-o', '%all'],
    ['sacct', '-P', '-j', id, '-o', 'ALL'],
  ],
  // Slurm 20.11 and newer; before, a step waits until the job's own gives resources back
  inside: (id) => ['srun', `--jobid=${id}`, '--overlap', '--nodes=1', '--ntasks=1', '--quiet'],
  startEstimate: (job) => ({
    command: command(['sbatch', '--test-only', CLEAN, ...requestWords(job.request), '--wrap=:']),
    parse(result) {
      if (!succeeded(result)) return failure('sbatch --test-only')(result);
      const at = / to start at ([0-9]{9,11}) /.exec(textOf(result.stderr))?.[1];
      return ok(at === undefined ? undefined : new Date(Number(at) * 1000));
    },
  }),
  allowance,
};
