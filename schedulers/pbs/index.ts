/** OpenPBS and PBS Professional as words, by JSON (since version 18). */
import { NO_ALLOWANCE } from '../../core/allowance.ts';
import { inquiry, ok, type Question, succeeded, textOf } from '../../core/command.ts';
import { firstOf } from '../../core/ours.ts';
import { either, submitted } from '../../core/replies.ts';
import type { JobId, Scheduler } from '../../core/scheduler.ts';
import { clockTime } from '../../core/units.ts';
import { command, failure, JOB_ID, NO_HISTORY, OVER, qstat } from './answers.ts';
import { lastSeen, status, unfinished } from './jobs.ts';
import { offers } from './offers.ts';
import { checkRequest, submitWords } from './options.ts';

/** qdel asks for no name: a job that got the number of a lost one is left alone (SECURITY F-23). Words: id, name. */
export const CANCEL =
  'ids=$(qselect -N "$2") || exit; for id in $ids; do [ "$id" != "$1" ] || exec qdel "$1"; done; echo "Unknown Job Id $1" >&2; exit 153';

/** PBS names owners by user, not by uid: `user` is whose jobs they are. */
export function pbs({ user }: { user: string }): Scheduler {
  return {
    name: 'pbs',
    can: { singleton: false, testOnly: false, extend: false },
    check: checkRequest,
    submit: (job, scriptPath) => ({
      // no TZ: qsub would hand it on to the job
      command: { ...command(submitWords(job, scriptPath), 60_000), env: { LC_ALL: 'C' }, cwd: job.directory },
      parse: submitted(JOB_ID, failure('qsub', job.request)),
    }),
    status: (jobs) => status(jobs, user),
    finalStatus: (job) => inquiry([lastSeen(job, user)], (answer) => answer),
    // one that is not over goes first; a history that does not answer is then no news
    find: (tag) =>
      inquiry([selected(tag, user, []), selected(tag, user, ['-x'])], (live, ended) =>
        live.ok && live.value === undefined ? ended : live,
      ),
    unfinished: () => unfinished(user),
    cancel: ({ id, tag }) => ({
      command: command(['/bin/sh', '-c', CANCEL, 'sh', id, tag]),
      parse: either('cancelled', failure('qdel'), [[OVER, 'already-over']]),
    }),
    extend: (id, _seconds, total) => ({
      command: command(['qalter', '-l', `walltime=${clockTime(total, { days: false })}`, id]),
      parse: either('extended', failure('qalter'), [
        [OVER, 'over'],
        [/for state of job/, 'over'],
        [/resource limits|exceeds allowable/, 'over-limit'],
        // an owner may only shorten a job that runs (req_modify.c)
        [/Unauthorized|insufficient permission|while job running/, 'not-permitted'],
      ]),
    }),
    offers,
    shownToAll: (id) => [qstat('-x', id)],
    // there is no such question: `can` says so, and who asks all the same gets this
    startEstimate: () => ({ command: command(['true']), parse: () => ok(undefined) }),
    allowance: () => inquiry([], () => ok(NO_ALLOWANCE)),
  };
}

function selected(tag: string, user: string, how: readonly string[]): Question<JobId | undefined> {
  return {
    command: command(['qselect', ...how, '-u', user, '-N', tag]),
    parse(result) {
      if (NO_HISTORY.test(textOf(result.stderr))) return ok(undefined);
      if (!succeeded(result)) return failure('qselect')(result);
      const lines = textOf(result.stdout).split('\n');
      return ok(firstOf(lines.filter((line) => JOB_ID.test(line))));
    },
  };
}
