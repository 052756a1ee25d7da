/** How a launch ends that did not arrive: by a fault or by ctrl-C. What is left behind is said, and nothing else is. */
import type { Cluster } from '../core/cluster.ts';
import { asHpcbinderError } from '../core/errors.ts';
import { cancelJob } from '../jobs/cancel.ts';
import { findJob } from '../jobs/submit.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { Display } from './display.ts';
import { showFailure } from './failure.ts';
import type { Interrupts } from './interrupts.ts';
import { canMove, isTerminal, plain } from './terminal.ts';
import { shortId } from './words.ts';
import { localRecords, type World } from './world.ts';

/** What is left behind is said: nothing before the submit, the job after it. */
export async function afterFailure(
  error: unknown,
  id: string,
  world: World,
  interrupts: Interrupts,
  options: { json: boolean },
): Promise<number> {
  const { latest, cluster } = world;
  if (interrupts.aborted) {
    if (latest?.jobId) {
      const code = leftRunning(latest);
      return (await stoppedBySecond(world, interrupts)) ?? code;
    }
    if (cluster && latest) {
      await withdraw(cluster, latest);
      await forget(cluster, latest);
    }
    const { code, message } = asHpcbinderError(error);
    const said = code === 'E-CANCELLED' && message.startsWith('cancelled: ');
    process.stderr.write(plain(`${said ? message : 'cancelled: nothing was submitted, nothing is left behind'}\n`));
    return 130;
  }
  // a submit whose answer was lost may have left a job: the record stays, and `list --refresh` settles it
  const inDoubt = latest !== undefined && latest.jobId === undefined && asHpcbinderError(error).transient;
  if (cluster && latest && latest.jobId === undefined && !inDoubt) await forget(cluster, latest, { story: true });
  const code = showFailure(error, { json: options.json });
  if (options.json) return code;
  if (latest === undefined && localRecords().log(id)?.includes('[build]'))
    process.stderr.write(plain(`  whole   hpcbinder logs ${shortId(id)} --build\n`));
  if (inDoubt) process.stderr.write('Whether a job was submitted is not known: hpcbinder list --refresh tells.\n');
  else if (latest?.jobId === undefined) process.stderr.write('Nothing was submitted.\n');
  return code;
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
  if (id !== undefined) await cancelJob(transport, scheduler, id).catch(() => undefined);
}

async function forget(cluster: Cluster, record: SessionRecord, how: { story?: boolean } = {}): Promise<void> {
  const { removeSession } = await import('../sessions/remote.ts');
  const { ask } = await import('../core/transport.ts');
  await ask(cluster.transport, removeSession(cluster.profile, record.id)).catch(() => undefined);
  if (how.story) localRecords().drop(record.id);
  else localRecords().forget(record.id);
}
