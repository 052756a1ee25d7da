/** The endpoint's `Outlook`: the scheduler and the image store are asked as the user; nothing is submitted or built. */
import { setTimeout as wait } from 'node:timers/promises';
import { ImageStore } from '../../converters/store.ts';
import type { Cluster } from '../../core/cluster.ts';
import type { Config } from '../../core/config.ts';
import type {
  KeptSession,
  LaunchGranted,
  Offers,
  Outlook,
  ShapeView,
  ShapeWanted,
  SoonerView,
  StartView,
  User,
} from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { newSessionId } from '../../core/ids.ts';
import type { ResourceRequest } from '../../core/scheduler.ts';
import { decidedFor } from '../../sessions/environment.ts';
import { canReshape, reshape } from '../../sessions/reshape.ts';
import { otherShapes, ownShape } from '../../sessions/shapes.ts';
import { type Estimate, isSooner, type Sooner, startOf, startSooner, wayOf } from '../../sessions/sooner.ts';
import type { Choice } from '../connect.ts';
import { launchInput } from '../flags.ts';
import { imageStoreOf } from '../store.ts';
import { wordsOf } from './granted.ts';

/** An answer counts so long: fields are changed back and forth. */
const KNOWN_MS = 20_000;
/** Each question has the controller look for nodes; more than so many at once wait for nothing, and are not answered. */
const MOST_AT_ONCE = 4;
const MOST_KNOWN = 2_000;
const START_MS = 15_000;
const HOLDS_MS = 10_000;
const SOONER_MS = 60_000;

export type OutlookParts = {
  config: Config;
  choice(name: string): Choice;
  /** where the images lie that a builder makes for all */
  sharedStore(name: string): string | undefined;
  as<T>(user: User, cluster: string, work: (cluster: Cluster) => Promise<T>): Promise<T>;
  offers(user: User, cluster: string, signal: AbortSignal): Promise<Offers>;
};

export class ClusterOutlook implements Outlook {
  readonly #parts: OutlookParts;
  readonly #known = new Map<string, { at: number; coming: Promise<StartView> }>();
  readonly #asking = new Map<string, number>();
  /** by session: what its waiting job asks for since somebody changed it */
  readonly #reshaped = new Map<string, ResourceRequest>();

  constructor(parts: OutlookParts) {
    this.#parts = parts;
  }

  start(user: User, granted: LaunchGranted, signal: AbortSignal): Promise<StartView> {
    const { partition, seconds, cpus, memoryMb, gpus, gpuType, account, qos } = granted;
    const key = JSON.stringify([
      user.account,
      granted.cluster,
      [partition, seconds, cpus, memoryMb, gpus, gpuType, account, qos],
    ]);
    const now = Date.now();
    const known = this.#known.get(key);
    if (known && now - known.at < KNOWN_MS) return known.coming;
    for (const [old, { at }] of this.#known)
      if (now - at >= KNOWN_MS || this.#known.size >= MOST_KNOWN) this.#known.delete(old);
    const coming = this.#start(user, granted, AbortSignal.any([signal, AbortSignal.timeout(START_MS)]));
    this.#known.set(key, { at: now, coming });
    coming.catch(() => this.#known.delete(key));
    return coming;
  }

  async #start(user: User, granted: LaunchGranted, signal: AbortSignal): Promise<StartView> {
    const { choice, config } = this.#parts;
    return this.#askingOne(granted.cluster, () =>
      this.#on(user, granted.cluster, signal, async (cluster) => {
        const options = launchInput(granted.repo.url, wordsOf(granted), config, newSessionId());
        const { request } = decidedFor(cluster, options.input(choice(granted.cluster)), {});
        return startView(await startOf(cluster, ownShape(request), new Date(), signal), wayOf(cluster));
      }),
    );
  }

  async #askingOne<T>(cluster: string, work: () => Promise<T>): Promise<T> {
    const asking = this.#asking.get(cluster) ?? 0;
    if (asking >= MOST_AT_ONCE) {
      throw new HpcbinderError('E-POLICY-RATE', {
        message: 'the scheduler is asked by others at this moment',
        hint: 'Try again in some seconds.',
        transient: true,
      });
    }
    this.#asking.set(cluster, asking + 1);
    try {
      return await work();
    } finally {
      this.#asking.set(cluster, (this.#asking.get(cluster) ?? 1) - 1);
    }
  }

  /** With what the cluster offers now, and not when the connection was made. */
  #on<T>(user: User, name: string, signal: AbortSignal, work: (cluster: Cluster) => Promise<T>): Promise<T> {
    const { as, offers } = this.#parts;
    return as(user, name, async (cluster) => {
      const { partitions } = await offers(user, name, signal);
      return work({ ...cluster, partitions });
    });
  }

  holds(user: User, name: string, key: string, signal: AbortSignal): Promise<boolean> {
    const until = AbortSignal.any([signal, AbortSignal.timeout(HOLDS_MS)]);
    return this.#parts.as(user, name, async (cluster) => {
      const { transport, profile } = cluster;
      const shared = this.#parts.sharedStore(name);
      const stores = shared === undefined ? [] : [new ImageStore(transport, shared, profile.python)];
      for (const store of [...stores, imageStoreOf(cluster)]) if (await store.peek(key, until)) return true;
      return false;
    });
  }

  sooner(user: User, record: KeptSession, signal: AbortSignal): Promise<SoonerView> {
    const until = AbortSignal.any([signal, AbortSignal.timeout(SOONER_MS)]);
    const start = record.job?.startsAt;
    const likely = start !== undefined && start * 1000 > Date.now() ? { start: new Date(start * 1000) } : {};
    const world = {
      now: () => new Date(),
      sleep: (ms: number, each: AbortSignal) => wait(ms, undefined, { signal: each }),
    };
    return this.#askingOne(record.cluster, () =>
      this.#on(user, record.cluster, until, async (cluster) => {
        const found = await startSooner(cluster, record.request, world, () => {}, until, likely);
        return soonerView(found, canReshape(cluster));
      }),
    );
  }

  /** Only what `sooner` would offer: it asks for no more of anything, and the image that was made fits the nodes. */
  async reshape(user: User, record: KeptSession, wanted: ShapeWanted): Promise<KeptSession | undefined> {
    return this.#on(user, record.cluster, AbortSignal.timeout(HOLDS_MS), async (cluster) => {
      const { allowance, partitions } = cluster;
      const offered = otherShapes(record.request, { partitions, ...(allowance ? { allowance } : {}) });
      const text = JSON.stringify(shapeOf(wanted));
      const shape = offered.find(({ request }) => JSON.stringify(shapeOf(request)) === text);
      if (!shape) {
        throw new HpcbinderError('E-USAGE', {
          message: 'the job cannot be changed to that',
          hint: 'Ask again what would start sooner, and choose one of those.',
        });
      }
      if (!canReshape(cluster)) {
        throw new HpcbinderError('E-SESSION-STATE', {
          message: 'this scheduler changes no job that waits',
          hint: 'Cancel the launch, and launch again asking for less.',
        });
      }
      const changed = await reshape(cluster, record, shape.request);
      if (changed === undefined) return undefined;
      this.#reshaped.set(record.id, changed.request);
      return { ...record, ...changed };
    });
  }

  /** For the launch that waits for it. */
  reshaped(session: string): ResourceRequest | undefined {
    return this.#reshaped.get(session);
  }

  forget(session: string): void {
    this.#reshaped.delete(session);
  }
}

/** In one order, to be compared. */
function shapeOf({ partition, seconds, cpus, memoryMb, gpus, gpuType }: ShapeWanted): ShapeWanted {
  return {
    ...(partition === undefined ? {} : { partition }),
    seconds,
    cpus,
    memoryMb,
    gpus,
    ...(gpuType === undefined ? {} : { gpuType }),
  };
}

function startView({ start, refused }: Estimate, by: Sooner['by']): StartView {
  // who did not answer has refused nothing
  const why = refused === undefined || refused.transient ? undefined : refused.message;
  return {
    by,
    ...(start ? { at: Math.round(start.getTime() / 1000) } : {}),
    ...(why === undefined ? {} : { refused: why }),
  };
}

function soonerView({ own, others, by }: Sooner, canChange: boolean): SoonerView {
  const view = (one: Estimate): ShapeView => ({
    ...startView(one, by),
    words: one.shape.words,
    shape: shapeOf(one.shape.request),
  });
  return {
    askedAt: Math.round(Date.now() / 1000),
    own: view(own),
    others: others.filter((one) => isSooner(one, own)).map(view),
    asked: others.length,
    canChange,
  };
}
