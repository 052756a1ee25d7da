/** What slurmdbd keeps: how jobs ended, and who may charge what. Sites without it answer with an error, which is no fault. */
import { type Inquiry, ok, type Question, succeeded, textOf } from '../../core/command.ts';
import type { JobId, JobStatus } from '../../core/scheduler.ts';
import { command, failure } from './answers.ts';
import { complete, exitOf, findInQueue, firstOwned, jobStatus, lastSeen, rows } from './queue.ts';

const NO_ACCOUNTING = /accounting storage is disabled|not running.*database/i;

/** --duplicates: one row for each time that the job was started; the last one tells how it ended. */
export function record(id: JobId, owner: number): Question<JobStatus | undefined> {
  const fields = 'JobIDRaw,UID,State,ExitCode,Start,End,NodeList';
  return {
    command: command(['sacct', '-n', '-P', '-X', '--duplicates', `--jobs=${id}`, `--format=${fields}`]),
    parse(result) {
      if (NO_ACCOUNTING.test(textOf(result.stderr))) return ok(undefined);
      if (!complete(result)) return failure('sacct', result);
      const ours = [...rows(textOf(result.stdout), 7)].filter(([row, uid]) => row === id && uid === String(owner));
      const [, , word = '', code = '', start = '', end = '', nodes = ''] = ours.at(-1) ?? [];
      if (ours.length === 0) return ok(undefined);
      const places = nodes === 'None assigned' ? '' : nodes;
      return ok({ ...jobStatus(word, places, start, end), ...exitOf(code), restarts: ours.length - 1 });
    },
  };
}

/** The controller's word while it has one, for accounting lags behind; then accounting's. */
export function finalStatus(id: JobId, owner: number): Inquiry<JobStatus | undefined> {
  const questions = [lastSeen(id, owner), record(id, owner)] as const;
  return {
    questions,
    combine(answers) {
      const [queue, accounts] = answers as [
        ReturnType<(typeof questions)[0]['parse']>,
        ReturnType<(typeof questions)[1]['parse']>,
      ];
      if (queue.ok && queue.value?.state === 'ended') return queue;
      if (accounts.ok && accounts.value?.state === 'ended') return accounts;
      if (!queue.ok) return queue;
      return queue.value === undefined ? accounts : queue;
    },
  };
}

/** Also among the jobs that ended and that the controller has forgotten since. */
export function find(tag: string, owner: number): Inquiry<JobId | undefined> {
  const ended: Question<JobId | undefined> = {
    // without a start time sacct looks no further back than midnight
    command: command([
      'sacct',
      '-n',
      '-P',
      '-X',
      `--uid=${owner}`,
      `--name=${tag}`,
      '--starttime=now-1days',
      '--format=JobIDRaw,UID',
    ]),
    parse(result) {
      if (NO_ACCOUNTING.test(textOf(result.stderr))) return ok(undefined);
      return complete(result) ? ok(firstOwned(textOf(result.stdout), owner)) : failure('sacct', result);
    },
  };
  const questions = [findInQueue(tag, owner), ended] as const;
  return {
    questions,
    combine(answers) {
      const [queue, accounts] = answers as [ReturnType<(typeof questions)[0]['parse']>, ReturnType<typeof ended.parse>];
      if (!queue.ok || queue.value !== undefined) return queue;
      // accounting that does not answer is no news: the controller knows every job that is not over
      return accounts.ok ? accounts : queue;
    },
  };
}

export function associations(user: string): Question<{ accounts: readonly string[]; qos: readonly string[] }> {
  return {
    command: command(['sacctmgr', '-n', '-P', 'show', 'assoc', `user=${user}`, 'format=Account,QOS']),
    parse(result) {
      if (!succeeded(result)) return failure('sacctmgr', result);
      const found = [...rows(textOf(result.stdout), 2)];
      const distinct = (words: string[]) => [...new Set(words.filter((word) => word !== ''))].sort();
      return ok({
        accounts: distinct(found.map(([account = '']) => account)),
        qos: distinct(found.flatMap(([, qos = '']) => qos.split(','))),
      });
    },
  };
}
