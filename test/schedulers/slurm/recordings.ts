/** Answers of a real Slurm 24.11. */
import type { JobRef } from '../../../core/scheduler.ts';
import { recordingsOf } from '../recordings.ts';

export { result, valueIn } from '../recordings.ts';
export const { owner, user, script, fixture, recorded, spec, recording, answered } = recordingsOf('slurm');
export const UNKNOWN: JobRef = { id: '99999999', tag: 'hb-nosuchjob0' };
