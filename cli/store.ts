/** The image store of a cluster. */
import { ImageStore } from '../converters/store.ts';
import type { Cluster } from '../core/cluster.ts';

/** A launch that stores an image says so where all of them together are over this. Nothing is ever removed by itself. */
export const TELL_ABOVE_BYTES = 50e9;

export function imageStoreOf(cluster: Cluster): ImageStore {
  return new ImageStore(cluster.transport, cluster.profile.imageStore, cluster.profile.python);
}
