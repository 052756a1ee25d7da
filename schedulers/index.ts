/** The only list of schedulers: a new one is one line here. */
import type { Scheduler } from '../core/scheduler.ts';
import { pbs } from './pbs/index.ts';
import { slurm } from './slurm/index.ts';

/** `user`: whose jobs it is asked for, by the name on the cluster. */
export const SCHEDULERS: ReadonlyMap<Scheduler['name'], (who: { user: string }) => Scheduler> = new Map([
  ['slurm', () => slurm],
  ['pbs', pbs],
]);
