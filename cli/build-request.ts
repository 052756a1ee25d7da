/** What a build job asks of the scheduler, and the base image that it begins with. */
import { needsEngine } from '../converters/build-faults.ts';
import type { DefinitionBase } from '../converters/definition.ts';
import type { Planned } from '../core/arrows.ts';
import type { Cluster } from '../core/cluster.ts';
import type { ClusterEntry } from '../core/config.ts';
import type { ResourceRequest } from '../core/scheduler.ts';
import { decideRequest } from '../sessions/request.ts';
import type { Options } from './flags.ts';

const BUILD_REQUEST = { seconds: 3600, cpus: 4, memoryMb: 8192, gpus: 0 };

/** The site's own base, else the registry's by digest: the compute node pulls it. */
export function baseOf(planned: Planned, cluster: Cluster): DefinitionBase {
  const { base } = planned.plan;
  if (!base) throw needsEngine(planned.plan, 'a build on the cluster has none');
  const site = cluster.profile.bases.get(base.python);
  if (site?.archive) return { bootstrap: 'docker-archive', from: site.archive };
  return { bootstrap: 'docker', from: base.digest ? `${base.name.replace(/:[^:/]*$/, '')}@${base.digest}` : base.name };
}

export function buildRequest(input: {
  cluster: Cluster;
  options: Pick<Options, 'buildPartition'>;
  entry: ClusterEntry;
}): ResourceRequest {
  const { cluster, options, entry } = input;
  const partition = options.buildPartition ?? entry.build_partition;
  const { account, qos } = entry.defaults ?? {};
  const charged = { ...(account ? { account } : {}), ...(qos ? { qos } : {}) };
  const { request } = decideRequest({
    flags: partition ? { partition } : {},
    repository: {},
    site: { ...BUILD_REQUEST, ...charged },
    partitions: cluster.partitions,
    ...(cluster.allowance ? { allowance: cluster.allowance } : {}),
    partitionFlag: '--build-partition',
  });
  return request;
}
