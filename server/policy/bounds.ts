/** Ceilings that hold for one launch, whose they are, and what is left of a wish under them. Pure. */
import type { LaunchWanted } from '../../core/endpoint.ts';
import { duration, memory } from '../../core/units.ts';
import type { LinkedRepo } from '../links/spec.ts';
import { matches } from './patterns.ts';
import { type Ceilings, type Policy, resources } from './policy.ts';
import type { ServedCluster } from './schema.ts';

/** What a launch gets that says nothing of it: the cluster's entry before the endpoint's defaults. */
export function usual(policy: Policy, { defaults }: ServedCluster): Ceilings {
  return { ...policy.defaults, ...resources(defaults ?? {}) };
}

/** After how long without use a session ends of which nobody said anything. */
export function usualIdle({ culling }: Policy, { defaults }: ServedCluster): number {
  return Math.min(defaults?.idle ?? culling.idleSeconds, culling.idleSeconds);
}

/** How old a session may become, seconds: the cluster's word, where that is less than the endpoint's. */
export function oldest({ culling }: Policy, { defaults }: ServedCluster): number {
  return Math.min(defaults?.max_age ?? culling.maxAgeSeconds, culling.maxAgeSeconds);
}

type Bound = { most: number; of: string };
type Bounds = { [K in keyof Ceilings]: Bound };

/**
 * The endpoint's ceilings; those of the partition go before them, and those of the repository before both, the last one first.
 * No job is longer than its session may become old: so that end has the walltime's countdown and warnings.
 */
export function boundsOf(
  policy: Policy,
  where: { name: string; partition: string | undefined },
  repo?: Pick<LinkedRepo, 'host' | 'path'>,
): Bounds {
  const { name, partition } = where;
  const cluster = policy.clusters.get(name) ?? {};
  const ofPartition = partition === undefined ? undefined : cluster.partitions?.get(partition);
  const settings = repo === undefined ? [] : policy.repositories.settings.filter(({ match }) => matches(match, repo));
  const layers: [string, Partial<Ceilings>][] = [
    [`partition ${partition} here`, resources(ofPartition ?? {})],
    ...settings.map(({ match, ...own }): [string, Partial<Ceilings>] => [match.text, own]),
  ];
  const bound = (key: keyof Ceilings): Bound =>
    layers.reduce<Bound>((last, [of, { [key]: most }]) => (most === undefined ? last : { most, of }), {
      most: policy.ceilings[key],
      of: 'this endpoint',
    });
  const [seconds, age] = [bound('seconds'), oldest(policy, cluster)];
  return {
    seconds: seconds.most > age ? { most: age, of: 'this endpoint for the age of a session' } : seconds,
    cpus: bound('cpus'),
    memoryMb: bound('memoryMb'),
    gpus: bound('gpus'),
  };
}

const WORDS: Readonly<Record<keyof Ceilings, (value: number) => string>> = {
  seconds: duration,
  cpus: (n) => `${n} ${n === 1 ? 'core' : 'cores'}`,
  memoryMb: memory,
  gpus: (n) => `${n} ${n === 1 ? 'GPU' : 'GPUs'}`,
};

/** Said where the user asked for more; a default that is too high is cut without a word. */
export function cut(asked: Ceilings, wanted: LaunchWanted, bounds: Bounds, notes: string[]): Ceilings {
  const one = (key: keyof Ceilings): number => {
    const { most, of } = bounds[key];
    if (!(asked[key] > most)) return asked[key];
    if (wanted[key] !== undefined)
      notes.push(`${WORDS[key](most)} instead of ${WORDS[key](asked[key])}: the limit of ${of}`);
    return most;
  };
  return { seconds: one('seconds'), cpus: one('cpus'), memoryMb: one('memoryMb'), gpus: one('gpus') };
}
