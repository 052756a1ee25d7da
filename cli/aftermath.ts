/** How a launch ends that did not arrive: by a fault or by ctrl-C. What is left behind is said, and nothing else is. */
import type { Cluster } from '../core/cluster.ts';
import { asHpcbinderError, HpcbinderError } from '../core/errors.ts';
import type { PhaseName } from '../core/progress.ts';
import { cancelJob } from '../jobs/cancel.ts';
import { findJob } from '../jobs/submit.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { Display } from './display.ts';
import { showFailure } from './failure.ts';
import type { Interrupts } from './interrupts.ts';
import { canMove, isTerminal, plain } from './terminal.ts';
import { shortId, whereOf } from './words.ts';
import { localRecords, type World } from './world.ts';

/** What is left behind is said: nothing before the submit, the job after it. */
export async function afterFailure(
  error: unknown,
  id: string,
  world: World,
  interrupts: Interrupts,
  display: Display,
  options: { json: boolean; login: readonly string[] | undefined },
): Promise<number> {
  const { latest, cluster } = world;
  const { phase, done } = display;
  display.fail(interrupts.aborted ? 'interrupted' : 'failed');
  if (interrupts.aborted) {
    if (latest?.jobId) {
      const code = leftRunning(latest);
      return (await stoppedBySecond(world, interrupts)) ?? code;
    }
    let removed = true;
    if (cluster && latest) {
      await withdraw(cluster, latest);
      removed = await forget(cluster, latest);
    }
    const { code, message } = asHpcbinderError(error);
    const said = code === 'E-CANCELLED' && message.startsWith('cancelled: ');
    const left = leftBehind({ latest, cluster, phase, done, removed, lost: false });
    const words = said ? message : `cancelled: ${left.charAt(0).toLowerCase()}${left.slice(1).replace(/\.$/, '')}`;
    return showFailure(new HpcbinderError('E-CANCELLED', { message: words }), { json: options.json, phase });
  }
  const { code, transient } = asHpcbinderError(error);
  // a submit whose answer was lost may have left a job: the record stays, and `list --refresh` settles it
  const inDoubt = latest !== undefined && latest.jobId === undefined && transient;
  const removed =
    cluster && latest && latest.jobId === undefined && !inDoubt ? await forget(cluster, latest, { story: true }) : true;
  const left = inDoubt
    ? 'Whether a job was submitted is not known: hpcbinder list --refresh tells.'
    : leftBehind({ latest, cluster, phase, done, removed, lost: code === 'E-SSH-LOST' });
  const submitted = latest?.jobId !== undefined;
  const doing = {
    id: shortId(submitted ? latest.id : id),
    submitted,
    ...(options.login ? { login: options.login } : {}),
  };
  return showFailure(error, { json: options.json, phase, story: id, left, doing });
}

export type Left = {
  latest: SessionRecord | undefined;
  cluster: Cluster | undefined;
  /** in which it failed, and those before it */
  phase: PhaseName | undefined;
  done: ReadonlySet<PhaseName>;
  /** could what was begun be taken back? */
  removed: boolean;
  /** the connection broke: nobody can say what is there */
  lost: boolean;
};

/** What stays where, in the order of what costs most: a job, an image, files. */
export function leftBehind({ latest, cluster, phase, done, removed, lost }: Left): string {
  if (latest?.jobId !== undefined) {
    const id = shortId(latest.id);
    const work = `Your work is kept: ${whereOf(cluster?.profile.host ?? latest.cluster, latest.workDirectory)}`;
    if (latest.phase === 'ended') return `Job ${latest.jobId} is over. ${work}`;
    return `Job ${latest.jobId} lives on. Back: hpcbinder open ${id} · stop: hpcbinder stop ${id}`;
  }
  if (!cluster) return 'Nothing was submitted.';
  const { host, imageStore, stateDir } = cluster.profile;
  if (!removed)
    return `Nothing was submitted. An empty session may be left in ${whereOf(host, `${stateDir}/sessions`)}.`;
  if (lost) return `Nothing was submitted. What was sent to ${host} so far is kept there for the next launch.`;
  if (phase === 'upload')
    return `Nothing was submitted. What was uploaded stays in ${whereOf(host, imageStore)} for the next launch.`;
  if (done.has('upload'))
    return `Nothing was submitted. The upload stays in ${whereOf(host, imageStore)} for the next launch.`;
  return `Nothing was submitted. Nothing is left on ${host}.`;
}

/** Said where a second ctrl-C is waited for. */
export const AGAIN = isTerminal ? ', or ctrl-C again now' : '';

/** A second ctrl-C within 5 s stops the job and says so. */
export async function stoppedBySecond(world: World, interrupts: Interrupts): Promise<number | undefined> {
  if (!(await interrupts.again(isTerminal ? 5_000 : 0))) return undefined;
  const { cluster, latest } = world;
  if (!cluster || !latest) return undefined;
  const { stopped, stopInWords } = await import('./stop.ts');
  const end = await stopped(cluster, latest, world, new Display(canMove ? 'moving' : 'lines'));
  process.stderr.write(plain(`${stopInWords(end, cluster.profile.host)}\n`));
  return 130;
}

export function leftRunning(record: SessionRecord): number {
  const id = shortId(record.id);
  process.stderr.write(
    plain(`job ${record.jobId} lives on.\nBack: hpcbinder open ${id} · stop: hpcbinder stop ${id}${AGAIN}\n`),
  );
  return 130;
}

/** The interrupt may have come while the submit's answer was on its way: then there is a job by that name. */
async function withdraw({ transport, scheduler, profile }: Cluster, record: SessionRecord): Promise<void> {
  const id = await findJob(transport, scheduler, record.id, profile.uid).catch(() => undefined);
  if (id !== undefined) await cancelJob(transport, scheduler, { id, tag: record.id }).catch(() => undefined);
}

/** Whether its directory there is gone. */
async function forget(cluster: Cluster, record: SessionRecord, how: { story?: boolean } = {}): Promise<boolean> {
  const { removeSession } = await import('../sessions/remote.ts');
  const { ask } = await import('../core/transport.ts');
  const answer = await ask(cluster.transport, removeSession(cluster.profile, record.id)).catch(() => undefined);
  if (how.story) localRecords().drop(record.id);
  else localRecords().forget(record.id);
  return answer?.ok === true;
}
