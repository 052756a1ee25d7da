/** `devcluster status`: what runs, and what Slurm says of it. Asks only; starts nothing. */
import { look } from './containers.ts';
import { requireEngine } from './engine.ts';
import { missingOn, type NodeState, nodeStates, unready } from './health.ts';
import { HOSTS, type Host, layoutOf } from './layout.ts';
import { rememberedPort } from './port.ts';

export type HostStatus = {
  host: Host;
  container: string;
  state: 'absent' | 'stopped' | 'running';
  /** daemons that should run and do not */
  missing: readonly string[];
  /** Slurm's view; absent for login, and while slurmctld does not answer */
  node?: NodeState;
};
export type DevclusterStatus = { state: 'up' | 'broken' | 'down'; port?: number; hosts: readonly HostStatus[] };

/** E-ENGINE-* where no engine answers: then nothing can be said. */
export async function status(how: { stateDir: string; name?: string }): Promise<DevclusterStatus> {
  const layout = layoutOf(how.stateDir, how.name);
  const docker = await requireEngine();
  const nodes = await nodeStates(docker, layout);
  const hosts = await Promise.all(
    HOSTS.map(async (host): Promise<HostStatus> => {
      const { state } = await look(docker, layout, host);
      const missing = state === 'running' ? await missingOn(docker, layout, host) : [];
      const node = nodes.find((candidate) => candidate.node === host);
      return { host, container: layout.container(host), state, missing, ...(node ? { node } : {}) };
    }),
  );
  if (hosts.every(({ state }) => state === 'absent')) return { state: 'down', hosts };
  const healthy = hosts.every(({ state, missing }) => state === 'running' && missing.length === 0);
  const port = await rememberedPort(layout);
  const state = healthy && (await unready(docker, layout)).length === 0 ? 'up' : 'broken';
  return { state, hosts, ...(port === undefined ? {} : { port }) };
}
