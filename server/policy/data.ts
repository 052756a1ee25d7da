/** The data that policy offers, and the cluster that has them: a launch goes where its data are. Pure. */
import type { LaunchGranted, LaunchWanted } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { oneOf } from './offered.ts';
import type { Policy } from './policy.ts';

/** As asked, else where the data are, else policy's default. E-POLICY-CLUSTER, E-POLICY-DATA where the data are elsewhere. */
export function clusterOf(policy: Policy, { cluster, data = [] }: Pick<LaunchWanted, 'cluster' | 'data'>): string {
  const asked = oneOf('E-POLICY-CLUSTER', 'cluster', cluster, [...policy.clusters.keys()]);
  const placed = data.flatMap((name) => {
    const at = policy.data.get(name)?.cluster;
    return at === undefined ? [] : [{ name, at }];
  });
  const chosen = asked ?? placed[0]?.at ?? policy.defaults.cluster;
  const elsewhere = placed.find(({ at }) => at !== chosen);
  if (elsewhere === undefined) return chosen;
  const apart = new Set(placed.map(({ at }) => at)).size > 1;
  throw new HpcbinderError('E-POLICY-DATA', {
    message: `the data ${elsewhere.name} are on the cluster ${elsewhere.at}, and the launch would go to ${chosen}`,
    hint: apart
      ? 'These data are not on one cluster: leave some of them out.'
      : `Launch on ${elsewhere.at}, or without these data.`,
    ...(apart ? {} : { instead: { '--cluster': elsewhere.at } }),
  });
}

export function bindsOf(policy: Policy, names: readonly string[]): LaunchGranted['binds'] {
  return [...new Set(names)].map((name) => {
    oneOf('E-POLICY-DATA', 'data', name, [...policy.data.keys()]);
    const { path = '', at = '' } = policy.data.get(name) ?? {};
    return { from: path, to: at, readOnly: true as const };
  });
}
