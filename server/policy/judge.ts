/**
 * LaunchWanted → LaunchGranted. Pure. Resources over a ceiling are cut to it and that is said; what cannot be had at all is
 * refused with the nearest thing that can. All numbers are set, so that nothing later (the repository's hpc.yml, the cluster's
 * defaults) goes over a ceiling.
 */
import type { LaunchGranted, LaunchWanted, Offers, User } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { checkHost } from '../../core/hosts.ts';
import { checkResources } from '../../core/request.ts';
import { harmless } from '../../core/text.ts';
import { duration, memory } from '../../core/units.ts';
import { repoOf } from '../links/link.ts';
import type { LinkedRepo } from '../links/spec.ts';
import { targetPath } from '../links/target.ts';
import { bindsOf, clusterOf } from './data.ts';
import { oneOf } from './offered.ts';
import { matches } from './patterns.ts';
import { type Ceilings, type Policy, resources } from './policy.ts';
import type { ServedCluster } from './schema.ts';

/** What goes on at the endpoint now. `running`: sessions, and launches that will be one; `launches`: these alone. */
export type Seen = {
  offers?: Offers;
  running: { total: number; ofUser: number; ofRepo: number };
  launches?: { total: number; ofUser: number };
  /** is a launch of the user's for the very same on its way? It is joined, and takes no room */
  joins?: (granted: LaunchGranted) => boolean;
  /** true, or why in the admins' words */
  drained: boolean | string;
};

/** Throws E-LINK, E-OPTION or one of E-POLICY-…, with what would be granted. */
export function judge(policy: Policy, user: User, wanted: LaunchWanted, seen: Seen): LaunchGranted {
  if (seen.drained !== false) throw drained(seen.drained);
  const repo = checkRepository(policy, wanted);
  const name = clusterOf(policy, wanted);
  const app = oneOf('E-POLICY-APP', 'app', wanted.app, policy.apps) ?? policy.defaults.app;
  const cluster = policy.clusters.get(name) ?? {};

  const offers = seen.offers?.cluster === name ? seen.offers : undefined;
  const partition = choosePartition(policy, name, cluster, wanted.partition, offers);
  const bounds = boundsOf(policy, { name, partition }, repo);
  const offered = offers?.partitions.find((one) => one.name === partition);
  const own = usual(policy, cluster);
  const asked: Ceilings = {
    seconds: wanted.seconds ?? own.seconds,
    cpus: wanted.cpus ?? own.cpus,
    memoryMb: wanted.memoryMb ?? own.memoryMb,
    gpus: wanted.gpus ?? (wanted.gpuType !== undefined || offered?.allNodesHaveGpus ? Math.max(1, own.gpus) : own.gpus),
  };
  const gpuType = wanted.gpuType ?? (wanted.gpus === undefined ? cluster.defaults?.gpu_type : undefined);
  if (bounds.gpus.most === 0 && (wanted.gpus ?? 0) > 0) throw noGpus(bounds.gpus.of, cluster);
  const notes: string[] = [];
  const given = cut(asked, wanted, bounds, notes);

  const granted = {
    ...(partition === undefined ? {} : { partition }),
    ...given,
    ...(gpuType === undefined || given.gpus === 0 ? {} : { gpuType }),
    ...(wanted.account === undefined ? {} : { account: wanted.account }),
    ...(wanted.qos === undefined ? {} : { qos: wanted.qos }),
  };
  checkResources({ ...granted, extra: [] });
  const { idle = policy.culling.idleSeconds, max_age: maxAge = policy.culling.maxAgeSeconds } = cluster.defaults ?? {};
  const path = wanted.path === undefined ? undefined : targetPath({ urlpath: wanted.path });
  const whole: LaunchGranted = {
    provider: wanted.provider,
    spec: wanted.spec,
    cluster: name,
    ...granted,
    app,
    ...(path === undefined ? {} : { path }),
    ...(wanted.fresh === undefined ? {} : { fresh: wanted.fresh }),
    repo: { url: repo.url, ...(repo.ref === undefined ? {} : { ref: repo.ref }), shown: repo.shown },
    ...(policy.sessions === 'path' ? { sharedOrigin: true as const } : {}),
    binds: bindsOf(policy, wanted.data ?? []),
    idleSeconds: Math.min(idle, policy.culling.idleSeconds),
    maxAgeSeconds: Math.min(maxAge, policy.culling.maxAgeSeconds),
    notes,
  };
  if (seen.joins?.(whole) !== true) checkRoom(policy, user, repo, seen);
  return whole;
}

/** May it be launched here at all? Also for the form's look at a repository, before anything is asked. Banned beats allowed. */
export function checkRepository(policy: Policy, wanted: Pick<LaunchWanted, 'provider' | 'spec'>): LinkedRepo {
  const { http, privateHosts, allow, ban } = policy.repositories;
  const repo = repoOf(wanted, { http });
  checkHost(repo.host, privateHosts);
  if (ban.some((pattern) => matches(pattern, repo))) {
    throw new HpcbinderError('E-POLICY-REPOSITORY', {
      message: `${harmless(repo.shown)} is not launched here: the admins of this endpoint have banned it`,
      hint: 'Ask them why.',
    });
  }
  if (allow.length > 0 && !allow.some((pattern) => matches(pattern, repo))) {
    throw new HpcbinderError('E-POLICY-REPOSITORY', {
      message: `${harmless(repo.shown)} is not one of the repositories that are launched here`,
      hint: `These are: ${allow
        .slice(0, 8)
        .map(({ text }) => text)
        .join(', ')}${allow.length > 8 ? ', …' : ''}`,
    });
  }
  return repo;
}

/** By which sessions of one repository are counted, by whatever link they came. */
export function repositoryKey({ url }: Pick<LinkedRepo, 'url'>): string {
  return url.toLowerCase().replace(/\.git$/, '');
}

/** What a launch gets that says nothing of it: the cluster's entry before the endpoint's defaults. */
export function usual(policy: Policy, { defaults }: ServedCluster): Ceilings {
  return { ...policy.defaults, ...resources(defaults ?? {}) };
}

type Bound = { most: number; of: string };
type Bounds = { [K in keyof Ceilings]: Bound };

/** The endpoint's ceilings; those of the partition go before them, and those of the repository before both, the last one first. */
export function boundsOf(
  policy: Policy,
  where: { name: string; partition: string | undefined },
  repo?: Pick<LinkedRepo, 'host' | 'path'>,
): Bounds {
  const { name, partition } = where;
  const ofPartition = partition === undefined ? undefined : policy.clusters.get(name)?.partitions?.get(partition);
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
  return { seconds: bound('seconds'), cpus: bound('cpus'), memoryMb: bound('memoryMb'), gpus: bound('gpus') };
}

const WORDS: Readonly<Record<keyof Ceilings, (value: number) => string>> = {
  seconds: duration,
  cpus: (n) => `${n} ${n === 1 ? 'core' : 'cores'}`,
  memoryMb: memory,
  gpus: (n) => `${n} ${n === 1 ? 'GPU' : 'GPUs'}`,
};

/** Said where the user asked for more; a default that is too high is cut without a word. */
function cut(asked: Ceilings, wanted: LaunchWanted, bounds: Bounds, notes: string[]): Ceilings {
  const one = (key: keyof Ceilings): number => {
    const { most, of } = bounds[key];
    if (!(asked[key] > most)) return asked[key];
    if (wanted[key] !== undefined)
      notes.push(`${WORDS[key](most)} instead of ${WORDS[key](asked[key])}: the limit of ${of}`);
    return most;
  };
  return { seconds: one('seconds'), cpus: one('cpus'), memoryMb: one('memoryMb'), gpus: one('gpus') };
}

function choosePartition(
  policy: Policy,
  name: string,
  cluster: ServedCluster,
  wanted: string | undefined,
  offers: Offers | undefined,
): string | undefined {
  const allowed = cluster.partitions && [...cluster.partitions.keys()];
  if (allowed) oneOf('E-POLICY-PARTITION', 'partition', wanted, allowed);
  const ofPolicy = name === policy.defaults.cluster ? policy.defaults.partition : undefined;
  const usual = cluster.defaults?.partition ?? ofPolicy ?? offers?.partitions.find((one) => one.isDefault)?.name;
  if (wanted !== undefined) return wanted;
  return allowed === undefined || (usual !== undefined && allowed.includes(usual)) ? usual : allowed[0];
}

function checkRoom(policy: Policy, user: User, repo: LinkedRepo, { running, launches }: Seen): void {
  const { limits, repositories } = policy;
  const ofRepo = repositories.settings
    .filter(({ match, sessions }) => sessions !== undefined && matches(match, repo))
    .reduce((last, { sessions }) => sessions ?? last, limits.perRepository);
  const checks: [number, number, string, string][] = [
    [
      running.ofUser,
      limits.perUser,
      `sessions of ${user.account} run`,
      'Stop one of them first, or open the one that you have.',
    ],
    [
      launches?.ofUser ?? 0,
      limits.launchesPerUser,
      `launches of ${user.account} are on their way`,
      'Wait for one of them, or cancel it.',
    ],
    [running.ofRepo, ofRepo, `sessions of ${harmless(repo.shown)} run`, 'Try again when one of them has ended.'],
    [running.total, limits.sessions, 'sessions run at this endpoint', 'Try again when one of them has ended.'],
    [
      launches?.total ?? 0,
      limits.launches,
      'launches are on their way at this endpoint',
      'Try again in a few minutes.',
    ],
  ];
  for (const [now, most, what, hint] of checks) {
    if (now < most) continue;
    throw new HpcbinderError('E-POLICY-FULL', { message: `${now} ${what}, and ${most} may`, hint, transient: true });
  }
}

function noGpus(of: string, { partitions }: ServedCluster): HpcbinderError {
  const other = [...(partitions ?? [])].find(([, { gpus }]) => (gpus ?? 0) > 0)?.[0];
  return new HpcbinderError('E-POLICY-PARTITION', {
    message: `a GPU was asked for, and the limit of ${of} is none`,
    hint: other === undefined ? 'Launch without a GPU (gpus=0).' : `Choose partition ${other}, or gpus=0.`,
    instead: other === undefined ? { '--gpus': '0' } : { '--partition': other },
  });
}

function drained(words: true | string): HpcbinderError {
  return new HpcbinderError('E-POLICY-DRAIN', {
    message: words === true ? 'this endpoint takes no launches at present' : harmless(words),
    hint: 'Sessions that run go on. Try again later.',
    transient: true,
  });
}
