/** What sessions/ needs for one launch of the endpoint: its records go to the endpoint's state, its polls are everybody's. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Cluster } from '../../core/cluster.ts';
import type { KeptSession } from '../../core/endpoint.ts';
import type { ResourceRequest } from '../../core/scheduler.ts';
import type { Interest } from '../../jobs/pace.ts';
import type { Poller } from '../../jobs/poller.ts';
import { submitOnce } from '../../jobs/submit.ts';
import type { LaunchWorld } from '../../sessions/launch.ts';
import type { WatchJob } from '../../sessions/watch.ts';
import { refreshed } from '../refresh.ts';
import { askAgent } from '../world.ts';

/** One poller per cluster asks for the jobs of all users: each job comes with its owner. */
export function watcher(poller: Poller, { profile }: Cluster, interest: () => Interest): WatchJob {
  const owner = { uid: profile.uid, user: profile.user };
  return (job, on) => poller.watch({ ...job, owner }, on, interest);
}

export type LaunchParts = {
  poller: Poller;
  /** each newer record, before anything depends on it */
  keep(record: KeptSession): void;
  /** what the job asks for since somebody changed it */
  reshaped(): ResourceRequest | undefined;
};

/** All but the arrows. */
export function launchWorld(cluster: Cluster, { poller, keep, reshaped }: LaunchParts): Omit<LaunchWorld, 'arrows'> {
  return {
    watchJob: watcher(poller, cluster, () => 'usual'),
    agent: (record) => askAgent(cluster, record),
    keep,
    reshaped,
    learned: keep,
    // what was cut off is taken up by its own launch, for each has its record here
    cutOff: () => [],
    refresh: refreshed,
    now: () => new Date(),
    sleep: (ms, signal) => wait(ms, undefined, { signal }),
    submit: (on, job, scriptPath, signal, onDoubt) =>
      submitOnce(on.transport, on.scheduler, job, scriptPath, {
        owner: on.profile.uid,
        user: on.profile.user,
        signal,
        onDoubt,
      }),
  };
}
