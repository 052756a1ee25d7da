/** From a submitted job to an app that answers: the queue in words, then the node. */
import { APP_NEEDS } from '../core/apps.ts';
import type { Cluster } from '../core/cluster.ts';
import { textOf } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import { type ResourceRequest, SERVER_LOG } from '../core/scheduler.ts';
import type { Seen } from '../core/session.ts';
import { harmless, lastLines, plainText } from '../core/text.ts';
import { ask, readAll } from '../core/transport.ts';
import { memory } from '../core/units.ts';
import type { Sighting } from '../jobs/poller.ts';
import { advance, endInWords, lostAt } from './advance.ts';
import { lackingOnNode } from './lacking.ts';
import { lose, patience, waitedEnough } from './patience.ts';
import type { SessionRecord, WorkReport } from './records.ts';
import { saveSession } from './remote.ts';
import { neverStarts, queueInWords } from './waiting.ts';
import { jobOf, look, settle, type WatchJob } from './watch.ts';
import { clock } from './words.ts';

export type AwaitWorld = {
  watchJob: WatchJob;
  /** asks the agent itself, over the tunnel; 'unreachable' is no end */
  agent(session: SessionRecord): Promise<Seen['agent']>;
  /** the record changed: keep the local copy, and remember it for ctrl-C */
  keep(record: SessionRecord): void;
  /** what the job asks for now, where a person changed it while it waited */
  reshaped?(): ResourceRequest | undefined;
  /** the job must have begun by then, else it is cancelled; absent: it may wait for ever */
  maxWaitSeconds?: number;
  now(): Date;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
};

export type Arrived = { session: SessionRecord; work: WorkReport | undefined };

/**
 * Until `wanted`: 'running' (the node has it) or 'ready' (the app answers). Readiness comes from the agent's address file,
 * never from a faster query of the scheduler (DESIGN 9); the file is looked for often at first, then less.
 */
export async function until(
  wanted: 'running' | 'ready',
  cluster: Cluster,
  session: SessionRecord,
  world: AwaitWorld,
  on: OnProgress,
  signal: AbortSignal,
): Promise<Arrived> {
  let current = session;
  let work: WorkReport | undefined;
  let job: Sighting | undefined;
  const unwatch = world.watchJob(jobOf(session), (status) => {
    job = status;
  });
  const timer = { now: () => world.now().getTime(), sleep: (ms: number) => world.sleep(ms, signal) };
  const began = timer.now();
  const waiting = patience(world.now(), world.maxWaitSeconds);
  let said: string | undefined;
  let likely: number | undefined;
  try {
    for (;;) {
      signal.throwIfAborted();
      const request = world.reshaped?.();
      if (request !== undefined && request !== current.request) {
        current = { ...current, request };
        world.keep(current);
      }
      if (job !== undefined) {
        const over = job === 'absent' || (typeof job === 'object' && job.state === 'ended');
        current =
          over && job !== 'unreachable' && job !== 'missing'
            ? await settle(cluster, current, job, timer, signal)
            : advance(current, { job }, world.now());
      }
      if (current.phase !== 'ended') {
        const looked = await look(cluster, current, signal);
        work = looked.work ?? work;
        current = advance(current, looked.seen, world.now());
      }
      if (current.phase !== 'ended' && current.address) {
        current = advance(current, { agent: await world.agent(current) }, world.now());
      }
      if (current.phase === 'ended') {
        world.keep(current);
        await ask(cluster.transport, saveSession(cluster.profile, current)).catch(() => undefined);
        throw (
          waitedEnough(waiting, current) ??
          (await endedEarly(cluster, current, (line) => on({ type: 'log', phase: 'start', line })))
        );
      }
      if (current.phase === 'ready' || (wanted === 'running' && current.phase === 'starting'))
        return { session: current, work };
      if (typeof job === 'object' && job.state === 'pending' && (job.reason !== said || job.startsAt !== likely)) {
        // `list` in another terminal reads it
        world.keep(current);
        const never = job.reason === said ? undefined : neverStarts(cluster, current);
        [said, likely] = [job.reason, job.startsAt];
        if (never !== undefined) on({ type: 'warning', text: never });
      }
      tell(current, job, world, on);
      await lose(waiting, cluster, current, world, signal);
      await world.sleep(pause(current.phase === 'queued' && job !== undefined, timer.now() - began), signal);
    }
  } finally {
    unwatch();
  }
}

/** Milliseconds between two looks at the address file: a fifth of a second while an answer is near, a quarter of a minute in a long queue. */
function pause(pending: boolean, waitedMs: number): number {
  if (!pending) return 200;
  return waitedMs < 60_000 ? 1_000 : waitedMs < 600_000 ? 5_000 : 15_000;
}

function tell(session: SessionRecord, job: Sighting | undefined, world: AwaitWorld, on: OnProgress): void {
  const missing = missingInWords(session, world.now());
  if (missing !== undefined) {
    on({ type: 'update', phase: session.phase === 'starting' ? 'start' : 'queue', text: missing });
  } else if (session.phase === 'starting') {
    on({
      type: 'update',
      phase: 'start',
      text: session.address ? 'the app is starting' : 'the node prepares the work directory and the app',
    });
  } else if (job === 'unreachable') {
    on({ type: 'update', phase: 'queue', text: 'the scheduler does not answer at the moment; still waiting' });
  } else if (typeof job === 'object') {
    on({ type: 'update', phase: 'queue', ...queueInWords(job, world.now()) });
  }
}

/** Silence of five minutes would be taken for a program that hangs. */
export function missingInWords(session: Pick<SessionRecord, 'missingSince'>, now: Date): string | undefined {
  const lost = lostAt(session);
  if (lost === undefined || session.missingSince === undefined) return undefined;
  const since = clock(new Date(session.missingSince), now);
  return `the scheduler does not know the job since ${since}; waiting until ${clock(lost, now)} before it counts as lost`;
}

/** Its end tells why; what is read is the beginning, and of that the last part: to make 16 MB harmless takes seconds. */
const MOST_LOG = 16 << 20;
const MOST_SHOWN = 1 << 20;

/** What the user is told of a job that ended before its app answered: cause first, then the evidence. `onLine` gets all. */
export async function endedEarly(
  cluster: Cluster,
  session: SessionRecord,
  onLine: (line: string) => void = () => {},
): Promise<HpcbinderError> {
  const why = session.ended?.why ?? 'failed';
  const said = async (name: string) => {
    const bytes = await readAll(cluster.transport, `${session.directory}/${name}`, MOST_LOG).catch(() => undefined);
    const text = textOf((bytes ?? new Uint8Array()).subarray(-MOST_SHOWN));
    if (text !== '') for (const line of [`== ${name}`, ...plainText(text.trimEnd()).split('\n')]) onLine(line);
    return lastLines(text, 10);
  };
  const [app, agent, job] = [await said('app.log'), await said('agent.log'), await said('job.log')];
  const server = await said(SERVER_LOG);
  const evidence = [app, agent, job, server].find((lines) => lines.length > 0) ?? [];
  // not the app's own words: a traceback inside the container may name any path
  const lacking = lackingOnNode(cluster, session, [...agent, ...job, ...server, session.ended?.detail ?? '']);
  if (lacking) return lacking;
  const common = { evidence, log: `hpcbinder logs ${session.id}` };
  const detail = session.ended?.detail ? ` (${session.ended.detail})` : '';
  if (why === 'out-of-memory') {
    return new HpcbinderError('E-JOB-MEMORY', {
      ...common,
      message: `the job was killed for its memory: it asked for ${memory(session.request.memoryMb)}${detail}`,
      hint: `Ask for more, for example --mem ${memory(session.request.memoryMb * 2).replace(' ', '')}.`,
    });
  }
  if (/the image \/.* is (damaged|not trusted)/.test(session.ended?.detail ?? '')) {
    return new HpcbinderError('E-IMAGE-DAMAGED', {
      ...common,
      message: session.ended?.detail ?? '',
      hint: 'Launch again: the stored image is looked at, and made anew.',
    });
  }
  if (/^the (?:image|repository) lacks /.test(session.ended?.detail ?? '')) {
    return new HpcbinderError('E-IMAGE-APP', {
      log: common.log,
      message: harmless(session.ended?.detail ?? ''),
      hint: APP_NEEDS[session.app],
    });
  }
  const code = why === 'app-failed' || why === 'app-ended' ? 'E-APP' : 'E-JOB-FAILED';
  return new HpcbinderError(code, {
    ...common,
    message: `job ${session.jobId ?? ''} ended before the app was ready: ${endInWords(why)}${detail}`,
  });
}
