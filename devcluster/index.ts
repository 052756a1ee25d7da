/** A real cluster in containers on one machine: to try hpcbinder without a cluster, and for its tests. */
import { requireEngine } from './engine.ts';
import { type ExecOptions, type ExecResult, execIn } from './exec.ts';
import { type Host, type Layout, layoutOf } from './layout.ts';

export type { BaseArchive, BaseWanted } from './bases.ts';
export { type DownOptions, down } from './down.ts';
export type { ExecOptions, ExecResult } from './exec.ts';
export { HOSTS, type Host, hostOf, USERS, type User, userOf } from './layout.ts';
export { shell } from './shell.ts';
export { type DevclusterStatus, type HostStatus, status } from './status.ts';
export { type DevclusterEntry, type Did, type UpOptions, up } from './up.ts';

export type Devcluster = {
  layout: Layout;
  /** Runs argv (no shell) on a host; as root unless a user is named. A bad end is an answer, not an exception. */
  execIn(host: Host, argv: readonly string[], how?: ExecOptions): Promise<ExecResult>;
};

/** A devcluster that is up, for tests and tools. E-ENGINE-* where no engine answers. */
export async function attach(how: { stateDir: string; name?: string }): Promise<Devcluster> {
  const layout = layoutOf(how.stateDir, how.name);
  const docker = await requireEngine();
  return { layout, execIn: (host, argv, options) => execIn(docker, layout, host, argv, options) };
}
