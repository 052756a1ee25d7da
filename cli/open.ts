/** `open`: back to a session: the same wait and the same attendance as a launch, from the record. */
import { HpcbinderError } from '../core/errors.ts';
import { adopted } from '../sessions/adopt.ts';
import { endInWords } from '../sessions/advance.ts';
import { arriving } from '../sessions/launch.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { leftBehind, leftRunning, stoppedBySecond } from './aftermath.ts';
import { Display } from './display.ts';
import { showFailure } from './failure.ts';
import { clusterOf, findLocal, freshRecord } from './find.ts';
import type { Flags } from './flags.ts';
import { Interrupts } from './interrupts.ts';
import { attended, bound, shown } from './story.ts';
import { canMove } from './terminal.ts';
import { QueueKeys } from './waiting.ts';
import { relaunchOf, shortId } from './words.ts';
import { World } from './world.ts';

export async function open(id: string, flags: Flags): Promise<number> {
  const found = findLocal(id);
  if (found.phase === 'ended') {
    throw new HpcbinderError('E-SESSION-STATE', {
      message: `session ${shortId(found.id)} is over: ${endInWords(found.ended?.why ?? 'lost')}`,
      hint: `Its work is kept in ${found.workDirectory}; go on with: ${relaunchOf(found)}`,
    });
  }
  return reopen(found, flags);
}

/** Its launch is submitting now, or was cut off before it did. */
function withoutJob(record: SessionRecord): HpcbinderError {
  return new HpcbinderError('E-SESSION-STATE', {
    message: `session ${shortId(record.id)} has no job that the scheduler knows of`,
    hint: `If its launch was cut off, nothing runs; launch again: ${relaunchOf(record)}`,
  });
}

async function reopen(found: SessionRecord, flags: Flags): Promise<number> {
  const json = flags.json === true;
  const display = new Display(json ? 'json' : canMove ? 'moving' : 'lines');
  const interrupts = new Interrupts();
  const world = new World();
  const keys = !json && canMove ? new QueueKeys(world, display, interrupts.signal) : undefined;
  try {
    const cluster = await clusterOf(found, { offers: true });
    world.use(cluster);
    const record = await adopted(cluster, await freshRecord(cluster, found), new Date());
    world.keep(record);
    if (record.jobId === undefined) throw withoutJob(record);
    const run = arriving(cluster, record, bound(world), interrupts.signal);
    const arrived = await shown(run, display, record.id, keys?.on);
    display.stop();
    interrupts.reset();
    return await attended({ ...arrived, cluster }, world, interrupts, {
      browser: flags.browser !== false,
      json,
      call: false,
      ...(flags.port ? { port: Number(flags.port) } : {}),
      ...(typeof flags.urlBase === 'string' ? { urlBase: flags.urlBase } : {}),
    });
  } catch (error) {
    keys?.close();
    const { phase, done } = display;
    display.fail(interrupts.aborted ? 'interrupted' : 'failed');
    if (interrupts.aborted) {
      const code = leftRunning(found);
      return (await stoppedBySecond(world, interrupts)) ?? code;
    }
    const latest = world.latest ?? found;
    const left = leftBehind({ latest, cluster: world.cluster, phase, done, removed: true, lost: false });
    const doing = { id: shortId(found.id), submitted: latest.jobId !== undefined };
    return showFailure(error, { json, phase, story: found.id, left, doing });
  } finally {
    interrupts.dispose();
    await world[Symbol.asyncDispose]();
  }
}
