/** The conformance suite of schedulers on the devcluster that `npm test` started. */
import { slurm } from '../../schedulers/slurm/index.ts';
import { schedulerConformance } from '../conformance/scheduler.ts';
import { loginOf } from './login-of.ts';
import { CLUSTER } from './rig.ts';

schedulerConformance('Slurm', { ...loginOf(CLUSTER), scheduler: slurm, partition: 'debug' });
