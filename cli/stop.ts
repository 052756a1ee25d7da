/** `stop`: asked of the agent or the scheduler, and waited for until the job is over. */
import type { Cluster } from '../core/cluster.ts';
import { endInWords } from '../sessions/advance.ts';
import { controlRequest } from '../sessions/control.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { type Stopped, stopSession } from '../sessions/stop.ts';
import { Display } from './display.ts';
import { clusterOf, findLocal, freshRecord } from './find.ts';
import type { Flags } from './flags.ts';
import { refreshed } from './refresh.ts';
import { canMove, plain } from './terminal.ts';
import { savedAtEnd, shortId, shownRecord, whereOf } from './words.ts';
import { toAgent, World } from './world.ts';

/** Until then a job that was told to end may still be about it. */
const SETTLED_MS = 3_600_000;
/** of sysexits.h: the job was told to end, and has not ended yet */
const TRY_AGAIN = 75;

/** Idempotent. 75 where the job has not ended within the wait. */
export async function stop(id: string, flags: Flags): Promise<number> {
  const found = findLocal(id);
  const before = endedLongAgo(found);
  if (before) return tell({ record: found, job: 'over' }, flags, found.cluster, before);
  const display = new Display(flags.json === true ? 'quiet' : canMove ? 'moving' : 'lines');
  await using world = new World();
  const cluster = await clusterOf(found);
  world.use(cluster);
  try {
    const end = await stopped(cluster, await freshRecord(cluster, found), world, display, { now: flags.now === true });
    return tell(end, flags, cluster.profile.host, ended(found));
  } catch (error) {
    display.fail();
    throw error;
  }
}

/** Tells, waits and keeps the record; one line when done. `now`: open pages are not asked to save first. */
export async function stopped(
  cluster: Cluster,
  before: SessionRecord,
  world: World,
  display: Display,
  how: { now?: boolean } = {},
): Promise<Stopped> {
  const began = Date.now();
  const record = await refreshed(cluster, before);
  world.interest = 'ending';
  display.on({
    type: 'start',
    phase: 'stop',
    text: how.now ? 'the app is told to end' : 'open pages save, and the app ends',
  });
  const end = await stopSession(cluster, record, {
    watchJob: world.watchJob,
    tellAgent: (each) => tellAgent(cluster, each, how.now === true),
    on: (text) => display.on({ type: 'update', phase: 'stop', text }),
  });
  world.keep(end.record);
  const seconds = (Date.now() - began) / 1000;
  if (end.job === 'over' && end.record.jobId !== undefined)
    display.on({ type: 'done', phase: 'stop', text: `job ${end.record.jobId} is over`, seconds });
  display.stop();
  return end;
}

export async function tellAgent(cluster: Cluster, record: SessionRecord, now: boolean): Promise<void> {
  await controlRequest(toAgent(cluster, record), record.id, record.secrets, { verb: 'stop', why: 'stopped', now });
}

function ended(record: SessionRecord): string | undefined {
  return record.phase === 'ended' ? 'was over already' : undefined;
}

/** An end that the agent announced may be seconds old, with its app still on the node. */
function endedLongAgo(record: SessionRecord): string | undefined {
  const settled = record.job?.state === 'ended' || record.jobId === undefined;
  const age = Date.now() - Date.parse(record.ended?.at ?? record.createdAt);
  return settled || age > SETTLED_MS ? ended(record) : undefined;
}

function tell(end: Stopped, flags: Flags, host: string, before: string | undefined): number {
  const code = end.job === 'over' ? 0 : TRY_AGAIN;
  if (flags.json) process.stdout.write(`${JSON.stringify(shownRecord(end.record))}\n`);
  else process.stderr.write(plain(`${before ? '' : savedAtEnd(end.record)}${stopInWords(end, host, before)}\n`));
  return code;
}

/** The job's end is what is told, and where it has not come, that. */
export function stopInWords({ record, job }: Stopped, host: string, before?: string): string {
  const id = shortId(record.id);
  const kept = `Your work is kept: ${whereOf(host, record.workDirectory)}`;
  const why = record.ended?.why ?? 'stopped';
  if (job === 'over') return `${id} ${before ?? endInWords(why)}. ${kept}`;
  const nodes = record.job?.nodes ?? [];
  const where = nodes.length > 0 ? ` on ${nodes.join(', ')}` : '';
  const how = {
    running: `job ${record.jobId} was told to end and still runs${where}`,
    completing: `job ${record.jobId} is still completing${where}`,
    silent: `the scheduler does not say whether job ${record.jobId} has ended`,
  }[job];
  return `${id} stopping; ${how}.\nhpcbinder stop ${id} waits again. ${kept}`;
}
