/** `devcluster up`: from whatever is there to three healthy hosts and an entry in the config. */
import type Docker from 'dockerode';
import { lastLines } from '../core/text.ts';
import { type BaseArchive, type BaseWanted, exportBases } from './bases.ts';
import { createHost, createNetwork, logOf, look, refuseForeign, removeHost, restartHost } from './containers.ts';
import { ensureEngine } from './engine.ts';
import { fault } from './faults.ts';
import { missingOn, unready } from './health.ts';
import { ensureImage } from './image.ts';
import type { Confirm } from './install.ts';
import { type Keys, prepareKeys } from './keys.ts';
import { HOSTS, type Host, type Layout, layoutOf, type SchedulerName } from './layout.ts';
import { withLock } from './lock.ts';
import { type Tell, talking, until } from './patience.ts';
import { choosePort, rememberedPort } from './port.ts';

const READY_MS = 120_000;
/** slurmctld marks a node that it has not heard of; a healthy cluster is asked this long before it is repaired */
const GRACE_MS = 10_000;

/** What the config says of the devcluster. The two paths are of this machine, image_store and archives of the cluster. */
export type DevclusterEntry = {
  host: '127.0.0.1';
  port: number;
  user: 'alice';
  identity_file: string;
  known_hosts: string;
  image_store: string;
  bases?: Record<string, BaseArchive>;
};

export type UpOptions = {
  /** hpcbinder's state folder */
  stateDir: string;
  /** default `devcluster`; another name is another cluster */
  name?: string;
  /** default: that of the containers that are there, else Slurm */
  scheduler?: SchedulerName;
  /** base images to lay out for builds on the cluster, as far as the engine has them; asked once there is an engine */
  bases?: () => Promise<readonly BaseWanted[]>;
  confirm: Confirm;
  tell: Tell;
  writeEntry: (entry: DevclusterEntry) => Promise<void> | void;
};

/** nothing, some or all of the hosts had to be touched */
export type Did = 'was-up' | 'repaired' | 'created';

/** Idempotent; a second one at the same time waits for the first. E-ENGINE-*, E-CONFIRM, E-DEVCLUSTER, E-LOCKED. */
export async function up(how: UpOptions): Promise<{ entry: DevclusterEntry; did: Did }> {
  const layout = layoutOf(how.stateDir, how.name);
  return withLock(layout.lock, how, async () => {
    const docker = await ensureEngine(how);
    await refuseForeign(docker, layout);
    const image = await ensureImage(docker, how);
    const { port, changed } = await raise(docker, layout, { image, scheduler: how.scheduler }, how.tell);
    if (changed.length > 0) await waitUntilReady(docker, layout, how.tell);
    const bases = await exportBases(docker, layout, (await how.bases?.()) ?? [], how.tell);
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
    image_store: '/scratch/alice/hpcbinder/images',
    ...(bases.size > 0 ? { bases: Object.fromEntries(bases) } : {}),
  };
}

/** Brings every host to "running the present image"; those that are well are left alone. `changed`: the others. */
async function raise(
  docker: Docker,
  layout: Layout,
  wanted: { image: string; scheduler: SchedulerName | undefined },
  tell: Tell,
): Promise<{ port: number; changed: readonly Host[] }> {
  await createNetwork(docker, layout);
  const login = await look(docker, layout, 'login');
  const { image, scheduler = login.scheduler ?? 'slurm' } = wanted;
  const keeps = login.state === 'running' && login.image === image && login.scheduler === scheduler;
  // The old one first: it holds the port that the new one shall have.
  if (!keeps) await removeHost(docker, layout, 'login');
  const port = (keeps ? await rememberedPort(layout) : undefined) ?? (await choosePort(layout));
  const keys = await prepareKeys(layout, port);
  const changed: Host[] = [];
  for (const host of HOSTS)
    if (await raiseHost(docker, layout, host, { image, keys, port, scheduler }, tell)) changed.push(host);
  if (changed.length > 0 || (await until(async () => (await unready(docker, layout)).length === 0, GRACE_MS)))
    return { port, changed };
  tell('The scheduler does not see its nodes as ready; restarting all hosts');
  for (const host of HOSTS) await restartHost(docker, layout, host);
  return { port, changed: ['login'] };
}

/** All that must last is on volumes, so a stopped host is made anew: the port of the old one may be taken by now. */
async function raiseHost(
  docker: Docker,
  layout: Layout,
  host: Host,
  how: { image: string; keys: Keys; port: number; scheduler: SchedulerName },
  tell: Tell,
): Promise<boolean> {
  const seen = await look(docker, layout, host);
  if (seen.state === 'running' && seen.image === how.image && seen.scheduler === how.scheduler) {
    const missing = await missingOn(docker, layout, host);
    if (missing.length === 0) return false;
    tell(`Restarting ${host}, where this is missing: ${missing.join(', ')}`);
    await restartHost(docker, layout, host);
    return true;
  }
  tell(
    `Creating ${host}${{ absent: '', stopped: ' again: it was stopped', running: ' again: of another image or scheduler' }[seen.state]}`,
  );
  await removeHost(docker, layout, host);
  await createHost(docker, layout, host, how);
  return true;
}

async function waitUntilReady(docker: Docker, layout: Layout, tell: Tell): Promise<void> {
  tell('Waiting for the scheduler');
  let missing: readonly string[] = [];
  const healthy = async () => {
    const onHost = async (host: Host) => (await missingOn(docker, layout, host)).map((what) => `no ${what} on ${host}`);
    missing = (await Promise.all(HOSTS.map(onHost))).flat();
    if (missing.length === 0) missing = await unready(docker, layout);
    return missing.length === 0;
  };
  if (await talking(tell, 'waiting', until(healthy, READY_MS, 1000), () => missing.join(', '))) return;
  const logs = await Promise.all(HOSTS.map((host) => logOf(docker, layout, host)));
  throw fault({
    message: `the devcluster did not come up within ${READY_MS / 1000} s: ${missing.join(', ')}`,
    evidence: logs.flatMap((log) => lastLines(log, 5)),
    log: `docker logs ${layout.container('login')}`,
    hint: 'hpcbinder devcluster down, then up again',
  });
}
