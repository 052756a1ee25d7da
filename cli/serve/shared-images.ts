/**
 * Images for all users of a cluster (docs/adr/0007): made by jobs of one account that the admin names, in a store that only it can
 * write, and read by everybody. What a user's own job builds stays in that user's store, and so does all of a private repository.
 */
import { ImageStore } from '../../converters/store.ts';
import type { LaunchArrows } from '../../core/arrows.ts';
import type { Cluster } from '../../core/cluster.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Choice } from '../connect.ts';

/** `builds` of a cluster's entry. */
export type SharedBuilds = { as: string; store: string; partition?: string };

/** The cluster as the builder has it: the store is its own, and its jobs are charged to nobody else. */
export function builderChoice({ name, entry, saved }: Choice, { store, partition }: SharedBuilds): Choice {
  const { account: _, qos: __, ...defaults } = entry.defaults ?? {};
  const own = { ...entry, defaults, image_store: store };
  return { name, saved, entry: partition === undefined ? own : { ...own, build_partition: partition } };
}

/** E-USER: what somebody starts as the builder could write into the store of all. */
export function checkNoBuilder(account: string, { as }: SharedBuilds): void {
  if (account !== as) return;
  throw new HpcbinderError('E-USER', {
    message: `${as} builds the images of this endpoint, and no session runs as it`,
    hint: 'The admins of the endpoint map people to accounts of their own.',
  });
}

/** `own`: of the user. `theirs`: of the builder, whose arrows know `builder` as their cluster. */
export function sharedArrows(own: LaunchArrows, theirs: LaunchArrows, builder: Cluster): LaunchArrows {
  let isPrivate = false;
  return {
    ...own,
    async resolve(on, signal) {
      const repo = await own.resolve(on, signal);
      isPrivate = repo.kind !== 'git' || repo.credentials !== undefined;
      return repo;
    },
    async stored(cluster, key, on, signal) {
      if (isPrivate) return own.stored(cluster, key, on, signal);
      // a damaged one is set aside by whoever may do that
      const sound = await theirs.stored(builder, key, on, signal);
      const { transport, profile } = cluster;
      const store = new ImageStore(transport, builder.profile.imageStore, profile.python, builder.profile.uid);
      const readable = sound && (await store.has(key, { signal }));
      return readable ?? own.stored(cluster, key, on, signal);
    },
    claim: (cluster, key, on, signal) =>
      isPrivate ? own.claim(cluster, key, on, signal) : theirs.claim(builder, key, on, signal),
    async buildOnCluster(cluster, planned, checkout, receipt, claim, on, signal) {
      if (isPrivate) return own.buildOnCluster(cluster, planned, checkout, receipt, claim, on, signal);
      on({ type: 'note', text: `${builder.profile.user} builds the image, for all users of ${builder.profile.name}` });
      return theirs.buildOnCluster(builder, planned, checkout, receipt, claim, on, signal);
    },
  };
}
