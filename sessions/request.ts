/**
 * What is asked of the scheduler, from four sources: flags, the repository's hpc.yml (confirmed where it exceeds what the
 * user or site has set), the cluster's defaults, ours; clamped to the partition. Pure; every choice made for the user is told.
 */
import { HpcbinderError } from '../core/errors.ts';
import type { Partition, ResourceRequest } from '../core/scheduler.ts';
import { nearest } from '../core/text.ts';
import { duration, durationWord, memory, memoryWord } from '../core/units.ts';

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
}): Decided {
  const { flags, repository, site, partitions, partitionFlag = '--partition' } = input;
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

  const clamped = clamp({ ...asked, gpus: gpus ?? 0 }, flags, partition, notes);
  return {
    request: {
      ...clamped,
      ...pick({
        partition: partition?.name ?? flags.partition,
        gpuType: asked.gpuType,
        account: flags.account ?? site.account,
        qos: flags.qos ?? site.qos,
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
      message: `${gpus} ${gpus === 1 ? 'GPU' : 'GPUs'} asked for, and a node of partition ${partition.name} has ${most === 0 ? 'none' : `at most ${most}`}`,
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

/** What the user typed over the limit is refused with the limit; what we or a repository chose is lowered to it, and told. */
function clamp(
  asked: { seconds: number; cpus: number; memoryMb: number; gpus: number },
  flags: Wishes,
  partition: Partition | undefined,
  notes: string[],
): { seconds: number; cpus: number; memoryMb: number; gpus: number } {
  if (!partition) return asked;
  const limit = (
    value: number,
    most: number | undefined,
    typed: boolean,
    flag: string,
    show: (n: number) => string,
    word: (n: number) => string,
  ): number => {
    if (most === undefined || most <= 0 || value <= most) return value;
    if (typed) {
      throw new HpcbinderError('E-LIMIT', {
        message: `${flag}: ${show(value)} is over the limit of partition ${partition.name}: ${show(most)}`,
        hint: `Ask for at most ${show(most)} (${flag}), or choose another partition (--partition).`,
        instead: { [flag]: word(most) },
      });
    }
    notes.push(`${flag} lowered from ${show(value)} to ${show(most)}, the limit of partition ${partition.name}`);
    return most;
  };
  return {
    gpus: asked.gpus,
    seconds: limit(asked.seconds, partition.maxSeconds, flags.seconds !== undefined, '--time', duration, durationWord),
    cpus: limit(asked.cpus, partition.cpusPerNode, flags.cpus !== undefined, '--cpus', cores, String),
    memoryMb: limit(
      asked.memoryMb,
      partition.memoryMbPerNode,
      flags.memoryMb !== undefined,
      '--mem',
      memory,
      memoryWord,
    ),
  };
}

function cores(count: number): string {
  return `${count} ${count === 1 ? 'core' : 'cores'}`;
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
  over('gpus', (n) => `${n} ${n === 1 ? 'GPU' : 'GPUs'}`);
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
