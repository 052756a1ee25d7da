/** The image store of a cluster, with the lock that keeps two uploads of one image apart. */
import { ImageStore, type WithLock } from '../converters/store.ts';
import type { Cluster } from '../core/cluster.ts';
import { remoteLock } from '../jobs/lock.ts';

const WAIT_MS = 30 * 60_000;

export function imageStoreOf(cluster: Cluster): ImageStore {
  return new ImageStore(cluster.transport, cluster.profile.imageStore, cluster.profile.python);
}

/** Another upload of the same image is waited for, and then found done. */
export function storeLock(cluster: Cluster, onWait: (holder: string) => void, signal: AbortSignal): WithLock {
  return async (directory, body) => {
    await using _ = await remoteLock(cluster.transport, directory, 'uploading an image', {
      signal,
      waitMs: WAIT_MS,
      onWait,
    });
    return await body();
  };
}
