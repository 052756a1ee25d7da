/** Who makes the image of a key: one launch at a time, on whichever machine. The others see its story and its job's log. */
import type { ImageClaim } from '../core/arrows.ts';
import type { EnvironmentKey } from '../core/artifacts.ts';
import type { Cluster } from '../core/cluster.ts';
import type { OnProgress } from '../core/progress.ts';
import { remoteLock } from '../jobs/lock.ts';
import { followLog } from '../jobs/log.ts';
import { BuildStory } from './build-story.ts';
import { buildLogOf } from './cluster-build.ts';
import { imageStoreOf } from './store.ts';

/** a build, a conversion and an upload of somebody else */
const WAIT_MS = 3 * 3600_000;

export async function claimImage(
  cluster: Cluster,
  key: EnvironmentKey,
  on: OnProgress,
  signal: AbortSignal,
): Promise<ImageClaim> {
  const { transport } = cluster;
  const store = imageStoreOf(cluster);
  await store.make(signal);
  const over = new AbortController();
  let log: Promise<void> | undefined;
  try {
    const lock = await remoteLock(transport, store.lock(key), 'making the image', {
      signal,
      waitMs: WAIT_MS,
      onWait({ holder, doing }) {
        if (log === undefined) {
          on({ type: 'start', phase: 'build', text: `another launch is ${holder}` });
          const story = new BuildStory(on);
          const line = (text: string) => story.on({ type: 'log', line: text });
          log = followLog(transport, buildLogOf(cluster, key), line, { signal: over.signal });
        }
        on({ type: 'update', phase: 'build', text: doing === '' ? `waiting for ${holder}` : `${doing} · ${holder}` });
      },
    });
    const { lost, tookOver } = lock;
    return {
      lost,
      tookOver,
      waited: log !== undefined,
      say: (doing) => lock.say(doing),
      awaited: () => lock.awaited(),
      [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
    };
  } finally {
    over.abort();
    await log;
  }
}
