/** Who makes the image of a key: one launch at a time, on whichever machine. The others see its story and its job's log. */
import type { FailedBuild, ImageClaim } from '../core/arrows.ts';
import type { EnvironmentKey } from '../core/artifacts.ts';
import type { Cluster } from '../core/cluster.ts';
import type { OnProgress } from '../core/progress.ts';
import { ask, bytes } from '../core/transport.ts';
import { remoteLock } from '../jobs/lock.ts';
import { followLog } from '../jobs/log.ts';
import { BuildStory } from './build-story.ts';
import { buildLogOf } from './cluster-build.ts';
import { askFailure, FAILURES, failurePath, failureText } from './failed-build.ts';
import { addOrphan, orphans } from './orphans.ts';
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
  const since = performance.now();
  const over = new AbortController();
  let log: Promise<void> | undefined;
  try {
    const lock = await remoteLock(transport, store.lock(key), 'making the image', {
      signal,
      waitMs: WAIT_MS,
      orphans: orphans(),
      onOrphan: addOrphan,
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
    const failures = `${cluster.profile.imageStore}/${FAILURES}`;
    const waited = log === undefined ? -1 : Math.ceil((performance.now() - since) / 1000);
    // not known is none: the lock is ours by now, and what this launch meets itself counts
    const failed = await ask(transport, askFailure(failurePath(failures, key), waited), signal).catch(() => undefined);
    return {
      lost,
      tookOver,
      failed: failed?.ok ? failed.value : undefined,
      async fail(how: FailedBuild) {
        if (!(await lock.awaited())) return;
        await transport.run({ argv: ['mkdir', '-p', '--', failures] });
        await transport.write(failurePath(failures, key), bytes(failureText(how)), { mode: 0o600 });
      },
      say: (doing) => lock.say(doing),
      awaited: () => lock.awaited(),
      [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
    };
  } finally {
    over.abort();
    await log;
  }
}
