/** A running session until its end: its agent is asked, its warnings are heard, the scheduler's word is waited for. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Cluster } from '../core/cluster.ts';
import type { JobStatus } from '../core/scheduler.ts';
import { systemClock } from '../jobs/clock.ts';
import { advance } from '../sessions/advance.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { jobOf, look, settle, type WatchJob } from '../sessions/watch.ts';
import type { Ending } from './ending.ts';
import { askAgent } from './world.ts';

export type FollowWorld = {
  watchJob: WatchJob;
  /** between two questions to the agent, milliseconds; until the first one as long where nothing else is said */
  everyMs: number;
  firstMs?: number;
  /** false: whoever watches has left, and nobody needs to know more */
  there?(): Promise<boolean>;
  /** each newer record; does the agent answer? */
  on(record: SessionRecord, reachable: boolean): void;
  /** what it uses, of each answer */
  onFigures?(figures: unknown): void;
};

/** The record as it ended, or as it was when `signal` or `there` ended the watch. Silence of agent and scheduler ends nothing. */
export async function follow(
  cluster: Cluster,
  first: SessionRecord,
  ending: Ending,
  world: FollowWorld,
  signal: AbortSignal,
): Promise<SessionRecord> {
  let record = first;
  let reachable = true;
  let asked: Awaited<ReturnType<typeof askAgent>> | undefined;
  let over: JobStatus | 'absent' | undefined;
  const listening = new AbortController();
  const listened = ending.listen(listening.signal);
  const unwatch = world.watchJob(jobOf(record), (status) => {
    if (status === 'absent' || (typeof status === 'object' && status.state === 'ended')) over = status;
    else {
      record = advance(record, { job: status }, new Date());
      if (typeof status === 'object' && status.state === 'running') void ending.schedulerSays(status.endsAt);
    }
  });
  try {
    while (record.phase !== 'ended' && !signal.aborted) {
      await wait(asked ? world.everyMs : (world.firstMs ?? world.everyMs), undefined, { signal }).catch(() => {});
      if (signal.aborted || (world.there && !(await world.there()))) break;
      if (over) {
        record = await settle(cluster, record, over, systemClock, signal);
        world.on(record, reachable);
        break;
      }
      // once more at once: the first answer may be lost with a connection that has just been replaced (F-13)
      asked = await askAgent(cluster, record, world.onFigures);
      const seen = asked === 'unreachable' ? await askAgent(cluster, record, world.onFigures) : asked;
      if (seen === 'unreachable' || !reachable) {
        const looked = await look(cluster, record);
        record = advance(record, looked.seen, new Date());
      }
      reachable = seen !== 'unreachable';
      record = advance(record, { agent: seen }, new Date());
      world.on(record, reachable);
      // after the agent, who says what time it is: this machine's clock may have been set
      if (record.phase === 'ended') break;
      ending.look(record);
      if (reachable) ending.idle(record);
    }
  } finally {
    unwatch();
    listening.abort();
    await listened;
  }
  return record;
}
