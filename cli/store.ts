/** The image store of a cluster. */
import { ImageStore } from '../converters/store.ts';
import type { Cluster } from '../core/cluster.ts';

export function imageStoreOf(cluster: Cluster): ImageStore {
  return new ImageStore(cluster.transport, cluster.profile.imageStore, cluster.profile.python);
}
