/** The arrows of a launch as the endpoint has them: builds wait for their turn, and what becomes of the image is told. */
import type { LaunchArrows } from '../../core/arrows.ts';
import type { SifReceipt } from '../../core/artifacts.ts';
import type { ImageNews } from '../../core/endpoint.ts';
import type { Builds } from './builds.ts';

export function endpointArrows<A extends LaunchArrows>(
  own: A,
  builds: Builds,
  account: string,
  tell: (news: ImageNews) => void,
): A {
  let commit: string | undefined;
  const there = ({ key, platform, bytes, builtAt }: SifReceipt) => {
    if (commit !== undefined) tell({ type: 'image', commit, key, platform, bytes, builtAt });
  };
  return {
    ...own,
    async resolve(on, signal) {
      const repo = await own.resolve(on, signal);
      commit = repo.kind === 'git' ? repo.commit : undefined;
      return repo;
    },
    async stored(cluster, key, on, signal) {
      const found = await own.stored(cluster, key, on, signal);
      if (found) there(found.receipt);
      return found;
    },
    async buildOnCluster(cluster, planned, checkout, receipt, claim, on, signal) {
      tell({ type: 'build', state: 'waits' });
      try {
        const made = await builds.run(account, on, signal, (until, begun) => {
          tell({ type: 'build', state: 'builds' });
          // the first line of its log: the job has left the queue
          const told: typeof on = (event) => {
            if (event.type === 'log') begun();
            on(event);
          };
          return own.buildOnCluster(cluster, planned, checkout, receipt, claim, told, until);
        });
        tell({ type: 'build', state: 'made' });
        there(made.receipt);
        return made;
      } catch (error) {
        tell({ type: 'build', state: 'failed' });
        throw error;
      }
    },
  };
}
