/** The only list of schedulers: a new one is one line here. */
import type { Scheduler } from '../core/scheduler.ts';
import { slurm } from './slurm/index.ts';

export const SCHEDULERS: ReadonlyMap<Scheduler['name'], Scheduler> = new Map([[slurm.name, slurm]]);
