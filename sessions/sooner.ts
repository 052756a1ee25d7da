/** Start sooner: the scheduler is asked when other shapes of a request would start, and nothing is submitted. */
import type { Cluster } from '../core/cluster.ts';
import type { HpcbinderError } from '../core/errors.ts';
import type { JobSpec, ResourceRequest } from '../core/scheduler.ts';
import { ask } from '../core/transport.ts';
import { byFreeNodes, otherShapes, ownShape, type Shape } from './shapes.ts';
import { away } from './waiting.ts';

/** Between two questions: each has the controller look for nodes. */
const PACE_MS = 1_000;
/** What starts this soon starts now: the scheduler itself looks but every half minute. */
const NOW_SECONDS = 60;

/** `start` is absent where nobody knows; `refused`: the site takes no such job. */
export type Estimate = { shape: Shape; start?: Date; refused?: HpcbinderError };

export type Sooner = {
  own: Estimate;
  /** in the order in which they start; those that nobody knows of last */
  others: readonly Estimate[];
  /** how it is known */
  by: 'scheduler' | 'free nodes';
  /** the request is in the queue itself, ahead of all others that were asked about */
  ahead: boolean;
};

export type SoonerWorld = { now(): Date; sleep(ms: number, signal: AbortSignal): Promise<void> };

/**
 * The request as it is, then at most six others, one a second; none of them where it starts now. `on` is told of each
 * question. `waiting`: the request is in the queue already, with the scheduler's own estimate; to ask about it again would
 * be to ask about a second job behind it. Throws what the signal says where it is aborted; nothing is to be undone then.
 */
export async function startSooner(
  cluster: Cluster,
  request: ResourceRequest,
  world: SoonerWorld,
  on: (shape: Shape) => void,
  signal: AbortSignal,
  waiting?: { start?: Date },
): Promise<Sooner> {
  const { partitions, allowance } = cluster;
  const by = wayOf(cluster);
  const estimate = (shape: Shape) => {
    on(shape);
    return startOf(cluster, shape, world.now(), signal);
  };
  const own = waiting ? { shape: ownShape(request), ...waiting } : await estimate(ownShape(request));
  const others: Estimate[] = [];
  if (!startsNow(own, world.now())) {
    for (const shape of otherShapes(request, { partitions, ...(allowance ? { allowance } : {}) })) {
      if (by === 'scheduler' && (others.length > 0 || !waiting)) await world.sleep(PACE_MS, signal);
      others.push(await estimate(shape));
    }
  }
  const at = ({ start }: Estimate) => start?.getTime() ?? Number.POSITIVE_INFINITY;
  return {
    own,
    others: others.filter(({ refused }) => !refused).sort((a, b) => at(a) - at(b)),
    by,
    ahead: waiting !== undefined,
  };
}

/** How this cluster tells when something would start. */
export function wayOf({ scheduler }: Pick<Cluster, 'scheduler'>): Sooner['by'] {
  return scheduler.can.testOnly ? 'scheduler' : 'free nodes';
}

/** When this one shape would start: one question. Throws what the signal says where it is aborted. */
export async function startOf(cluster: Cluster, shape: Shape, now: Date, signal: AbortSignal): Promise<Estimate> {
  signal.throwIfAborted();
  const { scheduler, partitions, transport } = cluster;
  if (wayOf(cluster) === 'free nodes') {
    const start = byFreeNodes(shape, partitions, now);
    return { shape, ...(start ? { start } : {}) };
  }
  const answer = await ask(transport, scheduler.startEstimate(jobOf(cluster, shape.request)), signal);
  signal.throwIfAborted();
  if (!answer.ok) return { shape, refused: answer.error };
  return { shape, ...(answer.value ? { start: answer.value } : {}) };
}

/** A job that is never submitted: only what it asks for is looked at. */
function jobOf({ profile }: Cluster, request: ResourceRequest): JobSpec {
  return { tag: 'hb-0000000000', directory: profile.stateDir, request, comment: '', log: 'job.log' };
}

export function startsNow({ start }: Estimate, now: Date): boolean {
  return start !== undefined && start.getTime() - now.getTime() < NOW_SECONDS * 1000;
}

/** Worth a line: it starts while the request itself would still wait. */
export function isSooner({ start }: Estimate, own: Estimate): boolean {
  if (start === undefined) return false;
  return own.start === undefined || start.getTime() + NOW_SECONDS * 1000 <= own.start.getTime();
}

/** `now`, `in about 3 h`, `nobody knows when`. */
export function whenInWords(estimate: Estimate, now: Date): string {
  if (estimate.refused) return 'never: the scheduler takes no such job';
  if (estimate.start === undefined) return 'nobody knows when';
  const left = (estimate.start.getTime() - now.getTime()) / 1000;
  return left < NOW_SECONDS ? 'now' : away(left).replace('in ', 'in about ');
}
