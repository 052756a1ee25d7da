/** A real cluster in containers on one machine: to try hpcbinder without a cluster, and for its tests. */
export type { BaseArchive, BaseWanted } from './bases.ts';
export type { ExecOptions, ExecResult } from './exec.ts';
export { HOSTS, type Host, hostOf, layoutOf, USERS, type User, userOf } from './layout.ts';
export { type DevclusterEntry, type UpOptions, up } from './up.ts';
