/** Policy's part of the launch form: what may be chosen, with the ceilings already taken off what the cluster offers. Pure. */
import type { Choices, Offers } from '../../core/endpoint.ts';
import { boundsOf, usual, usualIdle } from './bounds.ts';
import { type Policy, within } from './policy.ts';

/** `offers` of another cluster than the one shown are not used. */
export function choices(policy: Policy, seen: { cluster?: string; offers?: Offers } = {}): Choices {
  const cluster =
    seen.cluster !== undefined && policy.clusters.has(seen.cluster) ? seen.cluster : policy.defaults.cluster;
  const entry = policy.clusters.get(cluster) ?? {};
  const partition =
    entry.defaults?.partition ?? (cluster === policy.defaults.cluster ? policy.defaults.partition : undefined);
  const offers = seen.offers?.cluster === cluster ? offered(policy, seen.offers) : undefined;
  const { seconds, cpus, memoryMb, gpus } = within(usual(policy, entry), policy.ceilings);
  return {
    clusters: [...policy.clusters.keys()],
    cluster,
    apps: policy.apps,
    data: [...policy.data].map(([name, { path, cluster: at }]) => ({
      name,
      path,
      ...(at === undefined ? {} : { cluster: at }),
    })),
    ...(offers === undefined ? {} : { offers }),
    defaults: {
      app: policy.defaults.app,
      ...(partition === undefined ? {} : { partition }),
      seconds,
      cpus,
      memoryMb,
      gpus,
      idleSeconds: usualIdle(policy, entry),
    },
    longestIdleSeconds: policy.culling.longestIdleSeconds,
  };
}

function offered(policy: Policy, offers: Offers): Offers {
  const allowed = policy.clusters.get(offers.cluster)?.partitions;
  const partitions = offers.partitions
    .filter(({ name }) => allowed === undefined || allowed.has(name))
    .map((one) => {
      const { seconds, cpus, memoryMb, gpus } = boundsOf(policy, { name: offers.cluster, partition: one.name });
      return {
        ...one,
        cpusPerNode: Math.min(one.cpusPerNode, cpus.most),
        memoryMbPerNode: Math.min(one.memoryMbPerNode, memoryMb.most),
        maxSeconds: Math.min(one.maxSeconds ?? seconds.most, seconds.most),
        gpusPerNode: Object.fromEntries(
          Object.entries(one.gpusPerNode)
            .map(([type, count]) => [type, Math.min(count, gpus.most)] as const)
            .filter(([, count]) => count > 0),
        ),
      };
    });
  return { ...offers, partitions };
}
