/** What launches and sessions need of the endpoint's state: one owner of each record, on a local disk (DESIGN 11). */
import type { State } from '../state/index.ts';

export type { KeptRow } from '../state/sessions.ts';
export type Kept = Pick<
  State,
  'saveSession' | 'noteSession' | 'session' | 'sessions' | 'saveLaunch' | 'noteLaunch' | 'launch' | 'launches' | 'check'
> & {
  readonly audit: Pick<State['audit'], 'write'>;
  readonly images: Pick<State['images'], 'note' | 'build' | 'of' | 'usualSeconds'>;
};
