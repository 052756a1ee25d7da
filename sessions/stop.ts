/**
 * The end of a session on request: its agent ends the app in order, the scheduler where the agent does not answer, and the
 * job's own end is waited for (SECURITY F-30). The same at every moment of a session, and any number of times.
 */
import type { Cluster } from '../core/cluster.ts';
import type { JobStatus } from '../core/scheduler.ts';
import { ask } from '../core/transport.ts';
import { cancelJob } from '../jobs/cancel.ts';
import { type Clock, systemClock } from '../jobs/clock.ts';
import type { Sighting } from '../jobs/poller.ts';
import { findJob } from '../jobs/submit.ts';
import { advance } from './advance.ts';
import type { SessionRecord } from './records.ts';
import { saveSession } from './remote.ts';
import { jobOf, look, settle, type WatchJob } from './watch.ts';

/** Open pages have 8 s to save, the app 10 s for its kernels, and what is left is killed; after this the scheduler is asked too. */
const AGENT_MS = 25_000;
/** Slurm's default KillWait of 30 s between TERM and KILL, and time to hear of it. */
const KILL_MS = 45_000;

export type StopWorld = {
  watchJob: WatchJob;
  /** tells the agent to end; throws where it does not answer */
  tellAgent(record: SessionRecord): Promise<void>;
  /** what is waited for, whenever that changes */
  on(text: string): void;
  clock?: Clock;
};

/** `over`: the scheduler says that the job has ended, or there was none. Else what it said last, when the wait was over. */
export type Stopped = { record: SessionRecord; job: 'over' | 'running' | 'completing' | 'silent' };

/** @throws where neither the agent nor the scheduler could be told */
export async function stopSession(cluster: Cluster, before: SessionRecord, world: StopWorld): Promise<Stopped> {
  const record = await withJob(cluster, before);
  if (record.jobId === undefined || record.job?.state === 'ended') return kept(cluster, record, 'over', world);
  const last = await waitForEnd(cluster, { ...record, jobId: record.jobId }, world);
  if (!isOver(last)) {
    const { seen } = await look(cluster, record);
    return kept(cluster, withStatus(advance(record, seen, now(world)), last), stateOf(last), world);
  }
  const settled = await settle(cluster, record, last === 'missing' ? 'absent' : last, world.clock);
  return kept(cluster, withStatus(settled, last), 'over', world);
}

function withStatus(record: SessionRecord, job: Sighting): SessionRecord {
  return typeof job === 'object' ? { ...record, job } : record;
}

/** The answer to its submit may have been lost: then the job is found by its name. */
async function withJob(cluster: Cluster, record: SessionRecord): Promise<SessionRecord> {
  if (record.jobId !== undefined || record.phase === 'ended') return record;
  const jobId = await findJob(cluster.transport, cluster.scheduler, record.id, cluster.profile.uid);
  return jobId === undefined ? record : { ...record, jobId };
}

type Over = (JobStatus & { state: 'ended' }) | 'absent' | 'missing';

/** What the scheduler said last: the job's end, or how it was when the time was up. */
async function waitForEnd(
  cluster: Cluster,
  record: SessionRecord & { jobId: string },
  world: StopWorld,
): Promise<Over | JobStatus | 'unreachable'> {
  const clock = world.clock ?? systemClock;
  const { jobId } = record;
  let last: Sighting = 'unreachable';
  let wake = new AbortController();
  const unwatch = world.watchJob(jobOf(record), (sighting) => {
    last = sighting;
    wake.abort();
  });
  try {
    const told = record.phase === 'ended' || (await accepted(world.tellAgent(record)));
    // a scheduler that refuses or is silent is the end of it only where nobody else was told
    const cancel = () =>
      cancelJob(cluster.transport, cluster.scheduler, jobOf(record), { clock }).catch((error: unknown) => {
        if (!told) throw error;
      });
    let forgotten = !told && (await cancel()) === 'already-over';
    let asked = !told;
    let deadline = clock.now() + (told ? AGENT_MS : KILL_MS);
    for (;;) {
      const seen = last as Sighting;
      if (seen !== 'missing' ? isOver(seen) : forgotten) return seen as Over;
      const left = deadline - clock.now();
      // gone from the list, which a scheduler without a history tells of no job that is over: asked to end it, it says so
      if (left > 0 && (seen !== 'missing' || asked)) {
        world.on(waitingFor(jobId, seen));
        wake = new AbortController();
        await clock.sleep(left, wake.signal);
      } else if (asked || stateOf(seen) === 'completing') {
        // of a job that completes the scheduler kills what is left by itself, and nobody can hurry it (SECURITY F-27)
        return seen === 'missing' ? 'unreachable' : seen;
      } else {
        forgotten = (await cancel()) === 'already-over';
        asked = true;
        deadline = clock.now() + KILL_MS;
      }
    }
  } finally {
    unwatch();
  }
}

function accepted(told: Promise<void>): Promise<boolean> {
  return told.then(
    () => true,
    () => false,
  );
}

function isOver(seen: Sighting): seen is Over {
  return seen === 'absent' || seen === 'missing' || (typeof seen === 'object' && seen.state === 'ended');
}

function stateOf(seen: Sighting): Stopped['job'] {
  if (typeof seen !== 'object') return 'silent';
  return seen.state === 'completing' ? 'completing' : 'running';
}

function waitingFor(jobId: string, seen: Sighting): string {
  if (typeof seen !== 'object') return `the app is told to end; waiting for the end of job ${jobId}`;
  const where = seen.nodes.length > 0 ? ` on ${seen.nodes.join(', ')}` : '';
  return seen.state === 'completing'
    ? `job ${jobId} is completing${where}`
    : `waiting for the end of job ${jobId}${where}`;
}

function now(world: StopWorld): Date {
  return new Date((world.clock ?? systemClock).now());
}

/** Whoever asked for the end is its reason, but for one that came first; a job that goes on keeps its session. */
async function kept(cluster: Cluster, record: SessionRecord, job: Stopped['job'], world: StopWorld): Promise<Stopped> {
  const first = record.phase === 'ended' && record.ended?.why !== 'cancelled';
  const ended = { why: 'stopped' as const, at: now(world).toISOString() };
  const end: SessionRecord = first || job !== 'over' ? record : { ...record, phase: 'ended', ended };
  await ask(cluster.transport, saveSession(cluster.profile, end)).catch(() => undefined);
  return { record: end, job };
}
