/** `devcluster down`: everything of it goes but the images, so that the next `up` is quick; `purge` takes these too. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type Docker from 'dockerode';
import { refuseForeign, removeHost } from './containers.ts';
import { requireEngine } from './engine.ts';
import { statusOf, tolerate } from './faults.ts';
import { readInstalled, removeInstalled } from './install.ts';
import { HOSTS, IMAGE_REPOSITORY, type Layout, layoutOf, STAND_IN_BASE } from './layout.ts';
import { withLock } from './lock.ts';
import type { Tell } from './patience.ts';

export type DownOptions = {
  stateDir: string;
  name?: string;
  /** also the images, and the packages that `up` installed */
  purge?: boolean;
  tell: Tell;
  removeEntry: () => Promise<unknown> | unknown;
};

/** Removes containers, network, data, keys and the config entry; what is gone already is no error. E-ENGINE-*. */
export async function down(how: DownOptions): Promise<{ was: 'up' | 'absent' }> {
  const layout = layoutOf(how.stateDir, how.name);
  return withLock(layout.lock, how, async () => {
    const was = existsSync(layout.folder) ? 'up' : 'absent';
    if (was === 'up' || how.purge) {
      const docker = await requireEngine();
      await refuseForeign(docker, layout);
      await removeCluster(docker, layout, how.tell);
      if (how.purge) await removeImages(docker, how);
    }
    if (how.purge) await removeInstalled(how.stateDir, how.tell);
    await how.removeEntry();
    await rm(layout.folder, { recursive: true, force: true });
    return { was };
  });
}

async function removeCluster(docker: Docker, layout: Layout, tell: Tell): Promise<void> {
  tell('Removing the hosts');
  await Promise.all(HOSTS.map((host) => removeHost(docker, layout, host)));
  tell('Removing network and data');
  await tolerate([404], docker.getNetwork(layout.network).remove());
  for (const volume of layout.allVolumes) await tolerate([404], docker.getVolume(volume).remove());
}

async function removeImages(docker: Docker, how: DownOptions): Promise<void> {
  const images = await docker.listImages();
  const built = images
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .filter((tag) => tag.startsWith(`${IMAGE_REPOSITORY}:`));
  const { images: pulled } = await readInstalled(how.stateDir);
  let kept = false;
  for (const tag of [...built, STAND_IN_BASE, ...pulled]) {
    // of use to the devclusters that go on
    if (kept && tag === STAND_IN_BASE) continue;
    try {
      await tolerate([404], docker.getImage(tag).remove());
      how.tell(`Removed ${tag}`);
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      kept = true;
      how.tell(`Kept ${tag}: other containers use it`);
    }
  }
}
