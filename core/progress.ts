/** What a launch tells on its way. The CLI shows it, `--json` prints it, an endpoint sends it as events. */
import type { BuildMode } from './artifacts.ts';
import type { Waiting } from './waiting.ts';

export const PHASES = [
  'cluster',
  'repo',
  'plan',
  'build',
  'convert',
  'check',
  'upload',
  'submit',
  'queue',
  'start',
  'ready',
  'stop',
] as const;
export type PhaseName = (typeof PHASES)[number];

export type Progress =
  | { type: 'start'; phase: PhaseName; text: string }
  /** the present phase moves: text, or bytes done of total */
  | {
      type: 'update';
      phase: PhaseName;
      text?: string;
      done?: number;
      total?: number;
      /** of the queue: why, and when it is likely to start, epoch seconds */
      waiting?: Waiting;
      startsAt?: number;
    }
  /** the phase's one line, in the past tense; `seconds` is its time */
  | { type: 'done'; phase: PhaseName; text: string; seconds: number; skipped?: boolean }
  /** output of a build or of the job */
  | { type: 'log'; phase: PhaseName; line: string }
  /** said once, beside the phases: what was chosen for the user, what was ignored */
  | { type: 'note'; text: string; build?: { mode: BuildMode; ids: boolean; node: string } }
  | { type: 'warning'; text: string };

export type OnProgress = (event: Progress) => void;
