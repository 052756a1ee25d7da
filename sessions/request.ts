/**
 * What is asked of the scheduler, from four sources: flags, the repository's hpc.yml (confirmed where it exceeds what the
 * user or site has set), the cluster's defaults, ours; clamped to the partition. Pure; every choice made for the user is told.
 */
import type { Allowance } from '../core/allowance.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Partition, ResourceRequest } from '../core/scheduler.ts';
import { nearest } from '../core/text.ts';
import { duration, memory } from '../core/units.ts';
import { type Bound, boundsOf, checkCharged } from './allowed.ts';
import { cores, gpuCount, withinBounds } from './within-bounds.ts';

/** Each field is absent where nobody said anything. Memory in MiB, time in seconds. */
export type Wishes = Partial<Omit<ResourceRequest, 'extra'>> & { extra?: readonly string[] };

export type Decided = {
  request: ResourceRequest;
  partition: Partition | undefined;
  /** said once: what was chosen for the user, with the flag that chooses otherwise */
  notes: readonly string[];
  /** what hpc.yml asks beyond the defaults: to be confirmed */
  beyond: readonly string[];
};

const OURS = { seconds: 2 * 3600, cpus: 2, memoryMbPerCpu: 4096 };

export function decideRequest(input: {
  flags: Wishes;
  repository: Wishes;
  site: Wishes;
  partitions: readonly Partition[];
  /** the flag that names the partition, where it is another than --partition */
  partitionFlag?: string;
  allowance?: Allowance;
}): Decided {
  const { flags, repository, site, partitions, allowance, partitionFlag = '--partition' } = input;
  const notes: string[] = [];
  const name = flags.partition ?? site.partition ?? partitions.find((p) => p.isDefault)?.name;
  const partition = name === undefined ? undefined : findPartition(name, partitions, partitionFlag);

  const usual = {
    seconds: site.seconds ?? OURS.seconds,
    cpus: site.cpus ?? OURS.cpus,
    gpus: site.gpus ?? 0,
  };
  const cpus = flags.cpus ?? repository.cpus ?? usual.cpus;
  const usualMemory = site.memoryMb ?? cpus * OURS.memoryMbPerCpu;
  const asked = {
    seconds: flags.seconds ?? repository.seconds ?? usual.seconds,
    cpus,
    memoryMb: flags.memoryMb ?? repository.memoryMb ?? usualMemory,
    gpus: flags.gpus ?? repository.gpus ?? site.gpus,
    gpuType: flags.gpuType ?? repository.gpuType ?? site.gpuType,
  };

  const beyond = beyondDefaults(flags, repository, { ...usual, memoryMb: usualMemory });
  let gpus = asked.gpus;
  if (gpus === undefined && partition?.allNodesHaveGpus) {
    gpus = 1;
    notes.push(`every node of ${partition.name} has GPUs: 1 asked for (--gpus 0 for none)`);
  }
  if (partition) checkGpus(gpus ?? 0, asked.gpuType, partition, partitions);

  const charged = pick({
    partition: partition?.name ?? flags.partition,
    account: flags.account ?? site.account,
    qos: flags.qos ?? site.qos,
  });
  if (allowance) checkCharged(allowance, charged);
  const bounds = [...(partition ? [ofPartition(partition)] : []), ...(allowance ? boundsOf(allowance, charged) : [])];
  const clamped = withinBounds({ ...asked, gpus: gpus ?? 0 }, flags, bounds, notes);
  return {
    request: {
      ...clamped,
      ...charged,
      ...pick({
        gpuType: asked.gpuType,
        reservation: flags.reservation ?? site.reservation,
        constraint: flags.constraint ?? site.constraint,
      }),
      extra: flags.extra ?? [],
    },
    partition,
    notes,
    beyond,
  };
}

function findPartition(name: string, partitions: readonly Partition[], flag: string): Partition | undefined {
  const [first] = partitions;
  if (first === undefined) return undefined;
  const found = partitions.find((p) => p.name === name);
  if (found) return found;
  const names = partitions.map((p) => p.name);
  const near = nearest(name, names);
  throw new HpcbinderError('E-PARTITION', {
    message: `there is no partition "${name}" on this cluster`,
    hint: `${near ? `Did you mean ${near}? ` : ''}There ${names.length === 1 ? 'is' : 'are'}: ${names.join(', ')} (${flag}).`,
    instead: { [flag]: near ?? partitions.find((p) => p.isDefault)?.name ?? first.name },
  });
}

function checkGpus(
  gpus: number,
  type: string | undefined,
  partition: Partition,
  partitions: readonly Partition[],
): void {
  // a site may keep its nodes to itself: then the scheduler alone knows
  if (partition.nodes === 0) return;
  const names = Object.keys(partition.gpusPerNode).filter((known) => known !== '');
  if (type !== undefined && !Object.hasOwn(partition.gpusPerNode, type)) {
    const near = nearest(type, names) ?? names[0];
    const count = Math.min(gpus, mostGpus(partition, near));
    throw new HpcbinderError('E-GPU', {
      message: `partition ${partition.name} has no GPU of type "${type}"`,
      hint:
        names.length > 0
          ? `It has: ${names.join(', ')} (--gpus TYPE:N).`
          : 'It names no GPU types; ask with a number alone (--gpus N).',
      instead: { '--gpus': near === undefined ? `${count}` : `${near}:${count}` },
    });
  }
  const most = mostGpus(partition, type);
  if (gpus > most) {
    const other = partitions.find((each) => mostGpus(each, type) >= gpus)?.name;
    throw new HpcbinderError('E-GPU', {
      message: `${gpuCount(gpus)} asked for, and a node of partition ${partition.name} has ${most === 0 ? 'none' : `at most ${most}`}`,
      hint:
        most === 0 ? 'Choose a partition with GPUs (--partition), or --gpus 0.' : `Ask for at most ${most} (--gpus).`,
      instead:
        most === 0 && other !== undefined
          ? { '--partition': other }
          : { '--gpus': type === undefined || most === 0 ? `${most}` : `${type}:${most}` },
    });
  }
}

/** In a node of it, of one type or of any. */
function mostGpus({ gpusPerNode }: Partition, type: string | undefined): number {
  const counts = Object.entries(gpusPerNode).map(([known, count]) =>
    type === undefined || known === type ? count : 0,
  );
  return Math.max(0, ...counts);
}

/** GPUs have their own check, by type. */
function ofPartition({ name, maxSeconds, cpusPerNode, memoryMbPerNode }: Partition): Bound {
  const limits = pick({ seconds: maxSeconds, cpus: cpusPerNode || undefined, memoryMb: memoryMbPerNode || undefined });
  return { of: `partition ${name}`, limits };
}

function beyondDefaults(
  flags: Wishes,
  repository: Wishes,
  usual: { seconds: number; cpus: number; gpus: number; memoryMb: number },
): string[] {
  const beyond: string[] = [];
  const over = (key: 'seconds' | 'cpus' | 'memoryMb' | 'gpus', show: (n: number) => string) => {
    const asked = repository[key];
    if (flags[key] === undefined && asked !== undefined && asked > usual[key])
      beyond.push(`${show(asked)} (usual: ${show(usual[key])})`);
  };
  over('cpus', cores);
  over('memoryMb', memory);
  over('gpus', gpuCount);
  over('seconds', duration);
  return beyond;
}

function pick<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** `1 GPU (--gpus) · 2 cores · 8 GB · 2 h (--time)`: always printed. */
export function requestInWords(request: ResourceRequest): string {
  const gpus =
    request.gpus > 0
      ? [
          `${request.gpus} ${request.gpuType ? `${request.gpuType} ` : ''}${request.gpus === 1 ? 'GPU' : 'GPUs'} (--gpus)`,
        ]
      : [];
  return [
    ...(request.partition ? [`partition ${request.partition}`] : []),
    ...gpus,
    cores(request.cpus),
    memory(request.memoryMb),
    `${duration(request.seconds)} (--time)`,
  ].join(' · ');
}
