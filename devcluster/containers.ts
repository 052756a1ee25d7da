/** The three containers: made, started, restarted, removed. What a container may do is one list, and no more. */
import type Docker from 'dockerode';
import { fakePbs } from './fake-pbs.ts';
import { fault, messageOf, tolerate } from './faults.ts';
import type { Keys } from './keys.ts';
import { HOSTS, type Host, type Layout, OWNER_LABEL, SCHEDULER_LABEL, type SchedulerName } from './layout.ts';
import { tarOf } from './tar.ts';

/** Enough for Slurm and for Apptainer without root inside; `--privileged` would give the whole machine. */
const CAPABILITIES = ['SYS_ADMIN', 'NET_ADMIN', 'SYS_PTRACE', 'DAC_READ_SEARCH', 'SYS_NICE'];

export type Seen = {
  state: 'absent' | 'stopped' | 'running';
  image?: string;
  owner?: string;
  scheduler?: SchedulerName;
};

export async function look(docker: Docker, layout: Layout, host: Host): Promise<Seen> {
  const containers = await docker.listContainers({
    all: true,
    filters: { name: [`^/${layout.container(host)}$`] },
  });
  const [found] = containers;
  if (!found) return { state: 'absent' };
  return {
    state: found.State === 'running' ? 'running' : 'stopped',
    image: found.Image,
    owner: found.Labels[OWNER_LABEL] ?? '',
    scheduler: found.Labels[SCHEDULER_LABEL] === 'pbs' ? 'pbs' : 'slurm',
  };
}

/** E-DEVCLUSTER where containers of these names belong to another state folder. */
export async function refuseForeign(docker: Docker, layout: Layout): Promise<void> {
  for (const host of HOSTS) {
    const { owner } = await look(docker, layout, host);
    if (owner === undefined || owner === layout.folder) continue;
    throw fault({
      message: `${layout.container(host)} belongs to another devcluster, whose state is in ${owner || 'an unknown place'}`,
      hint: 'Use that one, or take it down first with its own HPCBINDER_STATE.',
    });
  }
}

export async function createNetwork(docker: Docker, layout: Layout): Promise<void> {
  const networks = await docker.listNetworks({ filters: { name: [layout.network] } });
  if (networks.some(({ Name }) => Name === layout.network)) return;
  await docker.createNetwork({ Name: layout.network, Labels: { [OWNER_LABEL]: layout.folder } });
}

/** Creates and starts one host. The keys are in it before its first process is. */
export async function createHost(
  docker: Docker,
  layout: Layout,
  host: Host,
  how: { image: string; keys: Keys; port: number; scheduler: SchedulerName },
): Promise<void> {
  const fake = how.scheduler === 'pbs' ? await fakePbs() : undefined;
  const container = await docker.createContainer({
    name: layout.container(host),
    Hostname: host,
    Image: how.image,
    Labels: { [OWNER_LABEL]: layout.folder, [SCHEDULER_LABEL]: how.scheduler },
    ...(fake ? { Entrypoint: [fake.entrypoint] } : {}),
    ExposedPorts: host === 'login' ? { '22/tcp': {} } : {},
    NetworkingConfig: { EndpointsConfig: { [layout.network]: { Aliases: [host] } } },
    HostConfig: {
      Init: true,
      NetworkMode: layout.network,
      PortBindings: host === 'login' ? { '22/tcp': [{ HostIp: '127.0.0.1', HostPort: String(how.port) }] } : {},
      Binds: layout.volumes(host).map(({ volume, at }) => `${volume}:${at}`),
      CapAdd: CAPABILITIES,
      // MaskedPaths and ReadonlyPaths are what `--security-opt systempaths=unconfined` means in the API:
      // without them no user namespace inside can mount a /proc of its own.
      SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
      MaskedPaths: [],
      ReadonlyPaths: [],
      Devices: [{ PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse', CgroupPermissions: 'rwm' }],
    },
  });
  const files = [
    { path: 'munge.key', mode: 0o600, data: how.keys.mungeKey },
    { path: 'authorized_keys', mode: 0o644, data: Buffer.from(how.keys.authorizedKeys) },
  ];
  if (host === 'login') files.push({ path: 'host_key', mode: 0o600, data: Buffer.from(how.keys.hostKey) });
  await container.putArchive(tarOf(files), { path: '/etc/devcluster' });
  if (fake) await container.putArchive(fake.archive, { path: '/' });
  await container.start().catch((cause: unknown) => {
    throw fault({ message: `${layout.container(host)} does not start: ${messageOf(cause)}`, cause });
  });
}

export async function restartHost(docker: Docker, layout: Layout, host: Host): Promise<void> {
  await docker.getContainer(layout.container(host)).restart({ t: 10 });
}

export async function removeHost(docker: Docker, layout: Layout, host: Host): Promise<void> {
  await tolerate([404, 409], docker.getContainer(layout.container(host)).remove({ force: true, v: true }));
}

/** The last lines that a host said since it was made. */
export async function logOf(docker: Docker, layout: Layout, host: Host): Promise<string> {
  const raw = await docker
    .getContainer(layout.container(host))
    .logs({ stdout: true, stderr: true, tail: 15 })
    .catch(() => Buffer.alloc(0));
  // Frames of stdout and stderr: 8 bytes of header before each (Docker Engine API, ContainerAttach).
  const lines: string[] = [];
  for (let at = 0; at + 8 <= raw.length; at += 8 + raw.readUInt32BE(at + 4)) {
    lines.push(raw.toString('utf8', at + 8, at + 8 + raw.readUInt32BE(at + 4)));
  }
  return lines.join('');
}
