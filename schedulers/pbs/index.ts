/** OpenPBS and PBS Professional as words, by JSON (since version 18). */
import { NO_ALLOWANCE } from '../../core/allowance.ts';
import { type Answer, exitCode, inquiry, ok, type Question, succeeded, textOf } from '../../core/command.ts';
import type { JobId, JobStatus, Scheduler } from '../../core/scheduler.ts';
import { clockTime } from '../../core/units.ts';
import { command, failure, JOB_ID, NO_HISTORY, NO_SUCH_JOB } from './answers.ts';
import { lastSeen, status, unfinished } from './jobs.ts';
import { offers } from './offers.ts';
import { checkRequest, jobWords, requestWords } from './options.ts';

/**
 * The server starts a job in the user's home directory and brings its output only at its end: the job goes to its own
 * directory and writes its own log. No quotes, for qstat has to bring them back as JSON. Words: directory, script, log.
 */
const START = 'set -f; IFS=; cd $1 && exec /bin/sh $2 >>$3 2>&1';

/** qdel asks for no name: a job that got the number of a lost one is left alone (SECURITY F-23). Words: id, name. */
const CANCEL =
  'ids=$(qselect -N "$2") || exit; for id in $ids; do [ "$id" != "$1" ] || exec qdel "$1"; done; echo "Unknown Job Id $1" >&2; exit 153';

/** PBS names owners by user, not by uid: `user` is whose jobs they are. */
export function pbs({ user }: { user: string }): Scheduler {
  return {
    name: 'pbs',
    can: { singleton: false, testOnly: false, extend: false },
    check: checkRequest,
    submit: (job, scriptPath) => ({
      command: {
        ...command(
          [
            ...['qsub', ...jobWords(job), ...requestWords(job.request)],
            ...['--', '/bin/sh', '-c', START, 'sh', job.directory, scriptPath, job.log],
          ],
          60_000,
        ),
        // no TZ: qsub would hand it on to the job
        env: { LC_ALL: 'C' },
        cwd: job.directory,
      },
      parse(result) {
        // the last line, for a site's hook may speak before it
        const id = /(?:^|\n)(\S+)\s*$/.exec(textOf(result.stdout))?.[1];
        return succeeded(result) && id !== undefined && JOB_ID.test(id) ? ok(id) : failure('qsub', result, job.request);
      },
    }),
    status: (jobs) => status(jobs, user),
    finalStatus: (job) => ({
      questions: [lastSeen(job, user)],
      combine: ([answer]) => answer as Answer<JobStatus | undefined>,
    }),
    find: (tag) => inquiry(selected(tag, user, []), selected(tag, user, ['-x']), theOne),
    unfinished: () => unfinished(user),
    cancel: ({ id, tag }) => ({
      command: command(['/bin/sh', '-c', CANCEL, 'sh', id, tag]),
      parse(result) {
        if (succeeded(result)) return ok('cancelled');
        return NO_SUCH_JOB.includes(exitCode(result)) ? ok('already-over') : failure('qdel', result);
      },
    }),
    extend: (id, _seconds, total) => ({
      command: command(['qalter', '-l', `walltime=${clockTime(total, { days: false })}`, id]),
      parse(result) {
        const said = textOf(result.stderr);
        if (succeeded(result)) return ok('extended');
        if (NO_SUCH_JOB.includes(exitCode(result)) || /for state of job/.test(said)) return ok('over');
        if (/resource limits|exceeds allowable/.test(said)) return ok('over-limit');
        // an owner may only shorten a job that runs (req_modify.c)
        return /Unauthorized|insufficient permission|while job running/.test(said)
          ? ok('not-permitted')
          : failure('qalter', result);
      },
    }),
    offers,
    shownToAll: (id) => [['qstat', '-x', '-f', '-F', 'json', id]],
    // there is no such question: `can` says so, and who asks all the same gets this
    startEstimate: () => ({ command: command(['true']), parse: () => ok(undefined) }),
    allowance: () => ({ questions: [], combine: () => ok(NO_ALLOWANCE) }),
  };
}

/** Of two of one name the first: the second finds the lock of the session's directory taken, and leaves. */
function selected(tag: string, user: string, how: readonly string[]): Question<JobId | undefined> {
  return {
    command: command(['qselect', ...how, '-u', user, '-N', tag]),
    parse(result) {
      if (NO_HISTORY.test(textOf(result.stderr))) return ok(undefined);
      if (!succeeded(result)) return failure('qselect', result);
      const ids = textOf(result.stdout)
        .split('\n')
        .filter((line) => JOB_ID.test(line));
      return ok(ids.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))[0]);
    },
  };
}

/** One that is not over goes first; a history that does not answer is then no news. */
function theOne(live: Answer<JobId | undefined>, ended: Answer<JobId | undefined>): typeof live {
  return live.ok && live.value === undefined ? ended : live;
}
