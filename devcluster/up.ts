/** `devcluster up`: from whatever is there to three healthy hosts and an entry in the config. */
import type Docker from 'dockerode';
import { lastLines } from '../core/text.ts';
import { type BaseArchive, type BaseWanted, exportBases } from './bases.ts';
import {
  createHost,
  createNetwork,
  logOf,
  look,
  refuseForeign,
  removeHost,
  restartHost,
  startHost,
} from './containers.ts';
import { type Confirm, ensureEngine } from './engine.ts';
import { fault } from './faults.ts';
import { isReady, missingOn } from './health.ts';
import { ensureImage } from './image.ts';
import { type Keys, prepareKeys } from './keys.ts';
import { HOSTS, type Host, type Layout, layoutOf } from './layout.ts';
import { withLock } from './lock.ts';
import { type Tell, talking, until } from './patience.ts';
import { choosePort, rememberedPort } from './port.ts';

const READY_MS = 180_000;

/** What the config says of the devcluster. Paths: of this machine, except work_dir, image_store and bases' archives. */
export type DevclusterEntry = {
  host: '127.0.0.1';
  port: number;
  user: 'alice';
  identity_file: string;
  known_hosts: string;
  work_dir: string;
  image_store: string;
  bases?: Record<string, BaseArchive>;
};

export type UpOptions = {
  /** hpcbinder's state folder */
  stateDir: string;
  /** default `devcluster`; another name is another cluster */
  name?: string;
  /** base images to lay out for builds on the cluster, as far as the engine has them */
  bases?: readonly BaseWanted[];
  confirm: Confirm;
  tell: Tell;
  writeEntry: (entry: DevclusterEntry) => Promise<void> | void;
};

/** @returns the entry, and what had to be done: nothing (`was-up`), some (`repaired`) or all (`created`) */
export async function up(how: UpOptions): Promise<{ entry: DevclusterEntry; did: 'was-up' | 'repaired' | 'created' }> {
  const layout = layoutOf(how.stateDir, how.name);
  return withLock(layout.lock, how, async () => {
    const docker = await ensureEngine(how);
    await refuseForeign(docker, layout);
    const image = await ensureImage(docker, how.tell);
    const changed = await raise(docker, layout, image, how.tell);
    if (changed.length > 0) await waitUntilReady(docker, layout, how.tell);
    const port = await rememberedPort(layout);
    if (port === undefined)
      throw fault({ message: `${layout.port} is gone`, hint: 'hpcbinder devcluster down, then up' });
    const bases = await exportBases(docker, layout, how.bases ?? [], how.tell);
    const entry = entryOf(layout, port, bases);
    await how.writeEntry(entry);
    const did = changed.length === 0 ? 'was-up' : changed.length === HOSTS.length ? 'created' : 'repaired';
    return { entry, did };
  });
}

function entryOf(layout: Layout, port: number, bases: ReadonlyMap<string, BaseArchive>): DevclusterEntry {
  return {
    host: '127.0.0.1',
    port,
    user: 'alice',
    identity_file: layout.identity,
    known_hosts: layout.knownHosts,
    work_dir: '/home/alice/hpcbinder',
    image_store: '/scratch/alice/hpcbinder/images',
    ...(bases.size > 0 ? { bases: Object.fromEntries(bases) } : {}),
  };
}

/** Brings every host to "running the present image"; those that were well are left alone. @returns those that were not */
async function raise(docker: Docker, layout: Layout, image: string, tell: Tell): Promise<readonly Host[]> {
  await createNetwork(docker, layout);
  const login = await look(docker, layout, 'login');
  const kept = login.state !== 'absent' && login.image === image;
  const port = (kept && (await rememberedPort(layout))) || (await choosePort(layout));
  const keys = await prepareKeys(layout, port);
  const changed: Host[] = [];
  for (const host of HOSTS) if (await raiseHost(docker, layout, host, { image, keys, port }, tell)) changed.push(host);
  return changed;
}

async function raiseHost(
  docker: Docker,
  layout: Layout,
  host: Host,
  how: { image: string; keys: Keys; port: number },
  tell: Tell,
): Promise<boolean> {
  const seen = await look(docker, layout, host);
  if (seen.state !== 'absent' && seen.image === how.image) {
    if (seen.state === 'stopped') {
      tell(`Starting ${host}`);
      await startHost(docker, layout, host);
      return true;
    }
    const missing = await missingOn(docker, layout, host);
    if (missing.length === 0) return false;
    tell(`Restarting ${host}: ${missing.join(', ')} is missing`);
    await restartHost(docker, layout, host);
    return true;
  }
  tell(seen.state === 'absent' ? `Creating ${host}` : `Creating ${host} again, of a newer image`);
  await removeHost(docker, layout, host);
  await createHost(docker, layout, host, how);
  return true;
}

async function waitUntilReady(docker: Docker, layout: Layout, tell: Tell): Promise<void> {
  tell('Waiting for Slurm');
  let missing: string[] = [];
  const healthy = async () => {
    const lists = await Promise.all(
      HOSTS.map(async (host) => (await missingOn(docker, layout, host)).map((what) => `${what} on ${host}`)),
    );
    missing = lists.flat();
    return missing.length === 0 && isReady(docker, layout);
  };
  if (await talking(tell, 'waiting', until(healthy, READY_MS, 1000), () => missing.join(', '))) return;
  const logs = await Promise.all(HOSTS.map((host) => logOf(docker, layout, host)));
  throw fault({
    message: `the devcluster did not come up within ${READY_MS / 1000} s: ${missing.join(', ') || 'nodes not ready'}`,
    evidence: logs.flatMap((log) => lastLines(log, 5)),
    log: `docker logs ${layout.container('login')}`,
    hint: 'hpcbinder devcluster down, then up again',
  });
}
