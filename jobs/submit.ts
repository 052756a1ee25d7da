/**
 * One job for one submit, also when the answer is lost (SECURITY F-11, measured: sbatch gave up after 10 s and the job
 * ran all the same). A failed submit means "unknown": the queue is asked by name until the controller's own time-out has
 * passed, and only a clear "no such job" after that allows a second submit. Should both be accepted in the end,
 * --dependency=singleton and the lock in the job's directory leave one running.
 */
import { type Answer, unreachable } from '../core/command.ts';
import { asHpcbinderError, HpcbinderError } from '../core/errors.ts';
import type { JobId, JobSpec, Scheduler } from '../core/scheduler.ts';
import { ask, askAll, type Transport } from '../core/transport.ts';
import { throwIfAborted } from './cancelled.ts';
import { type Clock, systemClock } from './clock.ts';

/** At least three times slurm.conf's MessageTimeout, which is 10 s by default and rarely more than 20. */
const SETTLED_MS = 60_000;
const GIVE_UP_MS = 180_000;

export type SubmitOptions = {
  /** uid on the cluster */
  owner: number;
  /** the same person's name: a refused account or QOS is answered with those that there are */
  user?: string;
  clock?: Clock;
  signal?: AbortSignal;
  /** told once for each answer that was lost: the wait is up to three minutes */
  onDoubt?: (error: HpcbinderError) => void;
};

/**
 * @throws HpcbinderError of the refusal; E-SUBMIT-UNKNOWN or E-SCHEDULER-DOWN (both transient) when nothing could be
 * learned; E-CANCELLED, after which the job may exist: ask `findJob`.
 */
export async function submitOnce(
  transport: Pick<Transport, 'run'>,
  scheduler: Scheduler,
  job: JobSpec,
  scriptPath: string,
  options: SubmitOptions,
): Promise<JobId> {
  const clock = options.clock ?? systemClock;
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(options.signal);
    const began = clock.now();
    // not given the signal: a submit that is cut off is the very doubt that we avoid
    const answer = await ask(transport, scheduler.submit(job, scriptPath)).catch(lost);
    if (answer.ok) return answer.value;
    if (answer.why === 'refused') throw await withChoices(transport, scheduler, answer.error, options.user);
    options.onDoubt?.(answer.error);
    const found = await searched(transport, scheduler, job.tag, began, clock, options);
    if (found.id !== undefined) return found.id;
    if (!found.certain || attempt === 2) throw inDoubt(job, answer.error);
  }
}

/** Slurm says only that the account or QOS is invalid; which ones are valid is one more question, asked only then. */
async function withChoices(
  transport: Pick<Transport, 'run'>,
  scheduler: Scheduler,
  error: HpcbinderError,
  user: string | undefined,
): Promise<HpcbinderError> {
  if (error.code !== 'E-ACCOUNT' || user === undefined) return error;
  const answer = await askAll(transport, scheduler.allowance(user)).catch(lost);
  if (!answer.ok || answer.value.accounts.length === 0) return error;
  const accounts = [...new Set(answer.value.accounts.map(({ name }) => name))].sort();
  const qos = [...new Set(answer.value.accounts.flatMap((account) => account.qos))].sort();
  const { code, message, evidence } = error;
  const yours = `Yours: --account ${accounts.join(', ')}${qos.length > 0 ? ` · --qos ${qos.join(', ')}` : ''}`;
  return new HpcbinderError(code, { message, evidence, hint: yours, cause: error });
}

/** `certain`: the scheduler said, after the time-out had passed, that there is no such job. */
async function searched(
  transport: Pick<Transport, 'run'>,
  scheduler: Scheduler,
  tag: string,
  began: number,
  clock: Clock,
  { owner, signal }: SubmitOptions,
): Promise<{ id: JobId | undefined; certain: boolean }> {
  for (let wait = 1000; ; wait = Math.min(wait * 2, 10_000)) {
    await clock.sleep(wait, signal);
    throwIfAborted(signal);
    const asked = clock.now();
    const answer = await askAll(transport, scheduler.find(tag, owner), signal).catch(lost);
    if (answer.ok && answer.value !== undefined) return { id: answer.value, certain: true };
    if (answer.ok && asked - began >= SETTLED_MS) return { id: undefined, certain: true };
    if (asked - began >= GIVE_UP_MS) return { id: undefined, certain: false };
  }
}

/** A transport throws when it cannot even ask; whether the job was accepted is then as open as after a time-out. */
function lost(cause: unknown): Answer<never> {
  return unreachable(asHpcbinderError(cause));
}

function inDoubt(job: JobSpec, cause: HpcbinderError): HpcbinderError {
  return new HpcbinderError(cause.code, {
    message: cause.message,
    hint: `If the job ${job.tag} turns up later, \`hpcbinder list\` shows it and \`hpcbinder stop ${job.tag}\` ends it.`,
    evidence: cause.evidence,
    transient: true,
    cause,
  });
}

/** The job of that name, if the scheduler knows one. */
export async function findJob(
  transport: Pick<Transport, 'run'>,
  scheduler: Scheduler,
  tag: string,
  owner: number,
  signal?: AbortSignal,
): Promise<JobId | undefined> {
  const answer = await askAll(transport, scheduler.find(tag, owner), signal);
  if (answer.ok) return answer.value;
  throw answer.error;
}
