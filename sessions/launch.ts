/**
 * The path, one line per arrow (DESIGN section 1). An arrow whose result already exists under its key is skipped, so that
 * a relaunch is the same code as a launch. Yields what happens; returns the session once its app answers.
 */
import { APP_WORDS } from '../core/apps.ts';
import type { LaunchArrows } from '../core/arrows.ts';
import type { Cluster } from '../core/cluster.ts';
import { orThrow } from '../core/command.ts';
import type { OnProgress, Progress } from '../core/progress.ts';
import type { JobSpec } from '../core/scheduler.ts';
import { ask } from '../core/transport.ts';
import { adopted, sameLaunch } from './adopt.ts';
import { assemble, type SessionSettings } from './assemble.ts';
import { type Arrived, type AwaitWorld, until } from './await.ts';
import { type ContinueWorld, formerOf } from './continue.ts';
import { contentOn, type EnvironmentInput, environmentOn } from './environment.ts';
import { phase } from './phase.ts';
import type { SessionRecord } from './records.ts';
import { createSession, saveSession } from './remote.ts';
import { requestInWords } from './request.ts';

export type LaunchInput = SessionSettings & EnvironmentInput & { detach: boolean };

export type LaunchWorld = AwaitWorld & {
  arrows: LaunchArrows;
  /** records of launches to this cluster whose process died before their job was known */
  cutOff(cluster: Cluster): readonly SessionRecord[];
  /** what the cluster, the agent and the scheduler say of a session now */
  refresh: ContinueWorld['refresh'];
  /** news of another session than this launch's: its local copy is renewed */
  learned(record: SessionRecord): void;
  submit(cluster: Cluster, job: JobSpec, scriptPath: string, signal: AbortSignal, onDoubt: () => void): Promise<string>;
};

export async function* launch(
  input: LaunchInput,
  world: LaunchWorld,
  signal: AbortSignal,
): AsyncGenerator<Progress, Arrived & { cluster: Cluster }> {
  const { arrows } = world;
  const cluster = yield* connected(arrows, signal);
  const origin = input.continues ? yield* formerOf(cluster, input.continues, world) : undefined;
  const environment = yield* environmentOn(cluster, input, arrows, signal);
  const { checkout, decided, sif, app } = environment;
  const content = checkout ? yield* contentOn(cluster, checkout, arrows, signal) : undefined;

  const record = yield* phase(
    'submit',
    'submitting',
    async (on) => {
      const entrypoint = environment.planned?.plan.entrypoint ?? [];
      const made = await assemble(
        cluster,
        { ...input, ...(origin ? { continues: origin } : {}) },
        { checkout, content, sif, entrypoint, app, request: decided.request },
        input.product,
      );
      const former = await takenUp(cluster, input.fresh || origin ? undefined : made.record, world, on);
      if (former) {
        world.keep(former);
        return former;
      }
      // kept first: an interrupt from here on finds what is to be removed
      world.keep(made.record);
      orThrow(await ask(cluster.transport, createSession(cluster.profile, made.record.id, made.files), signal));
      signal.throwIfAborted();
      const after = origin?.jobId && origin.phase !== 'ended' ? { after: origin.jobId } : {};
      const inDoubt = () =>
        on({ type: 'update', phase: 'submit', text: 'no answer to the submit; looking for the job by its name' });
      const script = `${made.record.directory}/job.sh`;
      const jobId = await world.submit(cluster, { ...made.job, ...after }, script, signal, inDoubt);
      const submitted: SessionRecord = { ...made.record, phase: 'queued', jobId };
      world.keep(submitted);
      orThrow(await ask(cluster.transport, saveSession(cluster.profile, submitted)));
      return submitted;
    },
    (made) => `job ${made.jobId} · ${requestInWords(made.request)}`,
  );
  if (input.detach) return { session: record, work: undefined, cluster };
  const arrived = yield* arriving(cluster, record, world, signal);
  return { ...arrived, cluster };
}

/** Launches that were cut off get their jobs back; the job of one that asked for the very same is this launch's, too. */
async function takenUp(
  cluster: Cluster,
  wanted: SessionRecord | undefined,
  world: LaunchWorld,
  on: OnProgress,
): Promise<SessionRecord | undefined> {
  let same: SessionRecord | undefined;
  for (const former of world.cutOff(cluster)) {
    const found = await adopted(cluster, former, world.now());
    if (found === former) continue;
    world.learned(found);
    // a launch that was cut off very early has no directory there
    await ask(cluster.transport, saveSession(cluster.profile, found));
    if (found.jobId === undefined) continue;
    const usable = wanted !== undefined && same === undefined && sameLaunch(found, wanted);
    if (usable) same = found;
    const what = usable ? 'this launch goes on with it' : `hpcbinder open ${found.id.slice(3, 7)} goes on with it`;
    on({ type: 'note', text: `an earlier launch was cut off, its job ${found.jobId} was submitted: ${what}` });
  }
  return same;
}

/** From a submitted job to an app that answers; `open` joins here. */
export async function* arriving(
  cluster: Cluster,
  record: SessionRecord,
  world: AwaitWorld,
  signal: AbortSignal,
): AsyncGenerator<Progress, Arrived> {
  let arrived: Arrived = { session: record, work: undefined };
  if (record.phase !== 'starting' && record.phase !== 'ready') {
    arrived = yield* phase(
      'queue',
      'waiting for the scheduler',
      (on) => until('running', cluster, record, world, on, signal),
      () => 'the job runs',
    );
    world.keep(arrived.session);
  }
  const ready = yield* phase(
    'start',
    'the node starts the app',
    (on) => until('ready', cluster, arrived.session, world, on, signal),
    ({ session }) => `node ${session.address?.host ?? '?'} · ${APP_WORDS[session.app]}`,
  );
  world.keep(ready.session);
  orThrow(await ask(cluster.transport, saveSession(cluster.profile, ready.session)));
  return { session: ready.session, work: ready.work ?? arrived.work };
}

export async function* connected(arrows: LaunchArrows, signal: AbortSignal): AsyncGenerator<Progress, Cluster> {
  return yield* phase(
    'cluster',
    'connecting',
    (on) => arrows.connect(on, signal),
    ({ profile }) =>
      `${profile.name === profile.host ? profile.host : `${profile.name} (${profile.host})`} as ${profile.user}`,
  );
}
