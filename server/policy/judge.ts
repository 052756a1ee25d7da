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
import { duration } from '../../core/units.ts';
import { repoOf } from '../links/link.ts';
import type { LinkedRepo } from '../links/spec.ts';
import { targetPath } from '../links/target.ts';
import { boundsOf, cut, oldest, usual, usualIdle } from './bounds.ts';
import { bindsOf, clusterOf } from './data.ts';
import { oneOf } from './offered.ts';
import { matches } from './patterns.ts';
import type { Ceilings, Policy } from './policy.ts';
import { checkRoom, type Seen } from './room.ts';
import type { ServedCluster } from './schema.ts';

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
    idleSeconds: idleOf(policy, cluster, wanted, notes),
    maxAgeSeconds: oldest(policy, cluster),
    notes,
  };
  if (seen.joins?.(whole) !== true) checkRoom(policy, user, repo, seen);
  return whole;
}

/** a session must be seen before it ends, seconds */
const SHORTEST_IDLE = 60;

/** Without a word of the user's the usual time; with one at most the endpoint's longest. */
function idleOf(policy: Policy, cluster: ServedCluster, { idleSeconds }: LaunchWanted, notes: string[]): number {
  if (idleSeconds === undefined) return usualIdle(policy, cluster);
  const { longestIdleSeconds: most } = policy.culling;
  if (idleSeconds <= most) return Math.max(SHORTEST_IDLE, Math.round(idleSeconds));
  notes.push(
    `it ends after ${duration(most)} without use instead of ${duration(idleSeconds)}: the limit of this endpoint`,
  );
  return most;
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
