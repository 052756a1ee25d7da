/** What slurmdbd keeps: how jobs ended. Sites without it answer with an error, which is no fault. */
import { type CommandResult, type Inquiry, inquiry, ok, type Question, textOf } from '../../core/command.ts';
import type { JobId, JobRef, JobStatus } from '../../core/scheduler.ts';
import { listing } from './answers.ts';
import { exitOf, findInQueue, firstOwned, isOwner, jobStatus, lastSeen, rows } from './queue.ts';

const NO_ACCOUNTING = /accounting storage is disabled/i;

function sacct<T>(words: readonly string[], read: (text: string) => T | undefined): Question<T | undefined> {
  const asked = listing(['sacct', '-n', '-P', '-X', ...words], read);
  const parse = (result: CommandResult) =>
    NO_ACCOUNTING.test(textOf(result.stderr)) ? ok(undefined) : asked.parse(result);
  return { command: asked.command, parse };
}

/** The controller's word while it has one, for accounting lags behind; then accounting's. */
export function finalStatus(job: JobRef, owner: number): Inquiry<JobStatus | undefined> {
  return inquiry([lastSeen(job, owner), record(job, owner)], (queue, accounts) => {
    if (accounts.ok && accounts.value?.state === 'ended' && !(queue.ok && queue.value !== undefined)) return accounts;
    return queue.ok && queue.value === undefined ? accounts : queue;
  });
}

/** --duplicates: one row for each time that the job was started; the last one tells how it ended. */
function record({ id, tag }: JobRef, owner: number): Question<JobStatus | undefined> {
  const words = [
    '--duplicates',
    `--jobs=${id}`,
    `--name=${tag}`,
    '--format=JobIDRaw,UID,State,ExitCode,Start,End,NodeList',
  ];
  return sacct(words, (text) => {
    const ours = rows(text, 7).filter(([row, uid]) => row === id && isOwner(uid, owner));
    const [, , word, code = '', start = '', end = '', nodes = ''] = ours.at(-1) ?? [];
    if (word === undefined) return undefined;
    const places = nodes === 'None assigned' ? '' : nodes;
    return { ...jobStatus(word, places, start, end), ...exitOf(code), restarts: ours.length - 1 };
  });
}

/** Also among jobs that the controller has forgotten; without a start time sacct looks no further back than midnight. */
export function find(tag: string, owner: number): Inquiry<JobId | undefined> {
  const words = [`--uid=${owner}`, `--name=${tag}`, '--starttime=now-1days', '--format=JobIDRaw,UID'];
  const ended = sacct(words, (text) => firstOwned(text, owner));
  // accounting that does not answer is no news: the controller knows every job that is not over
  return inquiry([findInQueue(tag, owner), ended], (queue, accounts) =>
    queue.ok && queue.value === undefined && accounts.ok ? accounts : queue,
  );
}
