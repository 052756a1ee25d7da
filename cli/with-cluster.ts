/** One connection for one command, closed whatever happens. */
import type { Cluster } from '../core/cluster.ts';
import { wantedCluster } from './clusters.ts';
import { type Choice, connectCluster } from './connect.ts';
import type { Flags } from './flags.ts';
import { prompter } from './terminal.ts';

/** `command`: as it is typed with a cluster's name, for the hint. */
export async function withCluster<T>(
  flags: Flags,
  command: string,
  work: (cluster: Cluster, choice: Choice) => Promise<T>,
  how: { allowance?: 'known' | 'fresh' } = {},
): Promise<T> {
  const choice = await wantedCluster(flags.cluster as string | undefined, command);
  const cluster = await connectCluster(choice, prompter(), how);
  try {
    return await work(cluster, choice);
  } finally {
    await cluster.transport[Symbol.asyncDispose]();
  }
}
