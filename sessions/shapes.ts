/** Other shapes of one request that may start sooner, and words for them. Pure. */
import type { Allowance } from '../core/allowance.ts';
import type { Partition, ResourceRequest } from '../core/scheduler.ts';
import { duration, durationWord, memory, memoryWord } from '../core/units.ts';
import { boundsOf, chargeable } from './allowed.ts';
import { cores, gpuCount } from './within-bounds.ts';

export type Shape = {
  request: ResourceRequest;
  /** `2 h on gpu`, with what else differs from what was asked */
  words: string;
  /** of launch, that make this shape of what was asked; none for the request itself */
  flags: readonly string[];
};

export const MOST_SHAPES = 6;

/** Walltimes that people ask for, in seconds. */
const TIMES = [900, 1800, 3600, 7200, 4 * 3600, 8 * 3600, 12 * 3600, 86_400, 2 * 86_400, 4 * 86_400, 7 * 86_400];

type Offer = { partitions: readonly Partition[]; allowance?: Allowance };

/** The request itself, as it is told beside the others. */
export function ownShape(request: ResourceRequest): Shape {
  return shapeOf(request, request);
}

/**
 * At most six others, those nearest to what was asked first: a shorter time, another partition that takes the same, fewer
 * GPUs, any type of GPU, fewer cores with less memory, a still shorter time. None of them asks for more of anything.
 */
export function otherShapes(request: ResourceRequest, offer: Offer): Shape[] {
  const [shorter, shortest] = TIMES.filter((seconds) => seconds <= request.seconds / 2).reverse();
  const elsewhere = otherPartitions(request, offer);
  const { gpus, cpus, memoryMb, gpuType: _, ...untyped } = request;
  const wanted: (Partial<ResourceRequest> | undefined)[] = [
    shorter === undefined ? undefined : { seconds: shorter },
    elsewhere[0],
    gpus > 1 ? { gpus: Math.floor(gpus / 2) } : undefined,
    elsewhere[1],
    cpus > 1 ? { cpus: Math.ceil(cpus / 2), memoryMb: Math.ceil(memoryMb / 2) } : undefined,
    shortest === undefined ? undefined : { seconds: shortest },
    elsewhere[2],
  ];
  const shapes = wanted.filter((change) => change !== undefined).map((change) => ({ ...request, ...change }));
  if (request.gpuType !== undefined && gpus > 0) shapes.splice(2, 0, { ...untyped, gpus, cpus, memoryMb });
  return shapes.slice(0, MOST_SHAPES).map((shape) => shapeOf(shape, request));
}

/** That take the request as it is, but for a longer time than theirs, which is lowered; those with free nodes first. */
function otherPartitions(request: ResourceRequest, { partitions, allowance }: Offer): Partial<ResourceRequest>[] {
  const own = partitions.find(({ name }) => name === request.partition);
  const fits = (one: Partition) =>
    one.up &&
    one.name !== request.partition &&
    one.cpusPerNode >= request.cpus &&
    one.memoryMbPerNode >= request.memoryMb &&
    mostGpus(one, request.gpuType) >= request.gpus &&
    // GPUs that nobody asked for are not to be held
    (request.gpus > 0 || !one.allNodesHaveGpus) &&
    samePlatform(one, own) &&
    (allowance === undefined || chargeable(allowance, one.name));
  return partitions
    .filter(fits)
    .sort((a, b) => b.idleNodes - a.idleNodes || a.name.localeCompare(b.name))
    .map((one) => ({ partition: one.name, seconds: Math.min(request.seconds, longest(one, request, allowance)) }));
}

function longest({ name, maxSeconds }: Partition, request: ResourceRequest, allowance: Allowance | undefined): number {
  const bounds = allowance === undefined ? [] : boundsOf(allowance, { ...request, partition: name });
  const all = [maxSeconds, ...bounds.map(({ limits }) => limits.seconds)];
  return Math.min(...all.map((most) => most ?? Number.POSITIVE_INFINITY));
}

function mostGpus({ gpusPerNode }: Partition, type: string | undefined): number {
  const counts = Object.entries(gpusPerNode).map(([known, count]) =>
    type === undefined || known === type ? count : 0,
  );
  return Math.max(0, ...counts);
}

/** An image is built for one architecture. */
function samePlatform(one: Partition, own: Partition | undefined): boolean {
  return own?.architectures[0] === undefined || one.architectures.includes(own.architectures[0]);
}

function shapeOf(shape: ResourceRequest, asked: ResourceRequest): Shape {
  const { seconds, partition, gpus, gpuType, cpus, memoryMb } = shape;
  const words = [`${duration(seconds)}${partition === undefined ? '' : ` on ${partition}`}`];
  const flags: string[] = [];
  if (seconds !== asked.seconds) flags.push('--time', durationWord(seconds));
  if (partition !== undefined && partition !== asked.partition) flags.push('--partition', partition);
  if (gpus !== asked.gpus || gpuType !== asked.gpuType) {
    words.push(
      `${gpuCount(gpus)}${gpuType === undefined ? (asked.gpuType === undefined ? '' : ' of any type') : ` ${gpuType}`}`,
    );
    flags.push('--gpus', `${gpuType === undefined ? '' : `${gpuType}:`}${gpus}`);
  }
  if (cpus !== asked.cpus || memoryMb !== asked.memoryMb) {
    words.push(`${cores(cpus)}, ${memory(memoryMb)}`);
    flags.push('--cpus', String(cpus), '--mem', memoryWord(memoryMb));
  }
  return { request: shape, words: words.join(', '), flags };
}

/** Where the scheduler answers no such question: as the free nodes have it. undefined: nobody knows. */
export function byFreeNodes({ request }: Shape, partitions: readonly Partition[], now: Date): Date | undefined {
  const one = partitions.find(({ name, isDefault }) =>
    request.partition === undefined ? isDefault : name === request.partition,
  );
  if (!one?.up || one.idleNodes === 0) return undefined;
  const gpus = Object.entries(one.free?.gpus ?? one.gpusPerNode);
  const has = gpus.some(([type, count]) => (request.gpuType ?? type) === type && count >= request.gpus);
  return request.gpus === 0 || has ? now : undefined;
}
