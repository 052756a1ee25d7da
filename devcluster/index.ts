/** A real cluster in containers on one machine: to try hpcbinder without a cluster, and for its tests. */
export type { BaseArchive, BaseWanted } from './bases.ts';
export { type DownOptions, down } from './down.ts';
export { type ExecOptions, type ExecResult, execIn } from './exec.ts';
export {
  HOSTS,
  type Host,
  hostOf,
  SCHEDULERS,
  type SchedulerName,
  USERS,
  USUAL_NAME,
  type User,
  userOf,
} from './layout.ts';
export { shell } from './shell.ts';
export { type DevclusterStatus, type HostStatus, status } from './status.ts';
export { type DevclusterEntry, type Did, type UpOptions, up } from './up.ts';
