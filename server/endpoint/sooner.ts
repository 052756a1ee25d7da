/** Start sooner: what the owner of a waiting launch may change its job to, asked for by a click and remembered for a while. */
import type { KeptSession, LaunchView, ShapeView, ShapeWanted, SoonerView, User } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Deps } from './deps.ts';

/** The queue moves on: what was told then is not shown any more. */
const KNOWN_MS = 120_000;
const ASKED_MS = 90_000;
const MOST_KNOWN = 1_000;

type Parts = Pick<Deps, 'services' | 'kept' | 'judge' | 'live' | 'launches'>;
type Known = { until: number; coming: Promise<SoonerView>; value?: SoonerView };

export class Sooner {
  readonly #known = new Map<string, Known>();

  /** Of the owner's own launch. A second click while the scheduler is being asked hears the same answer. */
  ask(deps: Parts, user: User, launch: LaunchView): Promise<SoonerView> {
    const now = Date.now();
    const there = this.#known.get(launch.id);
    if (there && there.value === undefined) return there.coming;
    const record = waitingJob(deps, launch);
    deps.judge.pace('forecast', user.account);
    for (const [id, { until }] of this.#known)
      if (until < now || this.#known.size >= MOST_KNOWN) this.#known.delete(id);
    const coming = this.#asked(deps, user, launch, record);
    const known: Known = { until: now + ASKED_MS, coming };
    this.#known.set(launch.id, known);
    void coming.then(
      (value) => Object.assign(known, { value, until: Date.now() + KNOWN_MS }),
      () => this.#known.delete(launch.id),
    );
    return coming;
  }

  async #asked(deps: Parts, user: User, launch: LaunchView, record: KeptSession): Promise<SoonerView> {
    const signal = AbortSignal.timeout(ASKED_MS);
    const view = await deps.services.outlook.sooner(user, record, signal);
    const allowed = await Promise.all(
      view.others.map(async (one) => ({ one, may: await isAllowed(deps, user, launch, one.shape, signal) })),
    );
    return { ...view, others: allowed.flatMap(({ one, may }) => (may ? [one] : [])) };
  }

  /** What was told lately, while the launch goes on. */
  known({ id, state }: LaunchView): SoonerView | undefined {
    const there = this.#known.get(id);
    return there && state === 'running' && there.until > Date.now() ? there.value : undefined;
  }

  /** Throws what policy or the scheduler refuses, with nothing changed. */
  async change(deps: Parts, user: User, launch: LaunchView, shape: ShapeWanted): Promise<void> {
    const record = waitingJob(deps, launch);
    const signal = AbortSignal.timeout(ASKED_MS);
    if (!(await isAllowed(deps, user, launch, shape, signal))) {
      throw new HpcbinderError('E-FORBIDDEN', {
        message: 'this is more than the endpoint gives',
        hint: 'Ask for less.',
      });
    }
    const words = this.#wordsOf(launch, shape);
    const changed = await deps.services.outlook.reshape(user, record, shape);
    this.#known.delete(launch.id);
    if (changed === undefined) {
      deps.launches.note(launch.id, 'the job has begun: nothing was changed');
      return;
    }
    deps.live.update(changed);
    deps.launches.note(launch.id, `changed to ${words}: job ${changed.jobId ?? ''} waits on as that`);
  }

  #wordsOf({ id }: LaunchView, shape: ShapeWanted): string {
    const same = (one: ShapeView) =>
      Object.entries(shape).every(([key, value]) => Reflect.get(one.shape, key) === value);
    return this.#known.get(id)?.value?.others.find(same)?.words ?? 'another shape';
  }
}

/** By policy as it is now, and whole: what would be cut is not what was offered. */
async function isAllowed(
  { judge }: Parts,
  user: User,
  { wanted }: LaunchView,
  shape: ShapeWanted,
  signal: AbortSignal,
): Promise<boolean> {
  const { partition: _, gpuType: __, ...rest } = wanted;
  const granted = await judge.foresee(user, { ...rest, ...shape }, signal).catch(() => undefined);
  const keys = ['seconds', 'cpus', 'memoryMb', 'gpus', 'partition'] as const;
  return granted !== undefined && keys.every((key) => shape[key] === undefined || granted[key] === shape[key]);
}

function waitingJob({ kept }: Parts, { session = '', state }: LaunchView): KeptSession {
  const record = kept.session(session)?.record;
  if (state === 'running' && record?.phase === 'queued' && record.jobId !== undefined) return record;
  throw new HpcbinderError('E-SESSION-STATE', {
    message: 'no job of this launch waits in the queue',
    hint: 'Its page shows how it stands.',
  });
}
