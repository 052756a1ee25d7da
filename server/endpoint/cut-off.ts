/** A launch of a former process that this one does not take up. */
import type { LaunchView } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { failedLine } from './journal.ts';
import type { Kept } from './kept.ts';

export type CutOffOptions = {
  kept: Pick<Kept, 'saveLaunch' | 'audit'>;
  log?(line: Record<string, unknown>): void;
  onOver?(view: LaunchView, commit: string | undefined): void;
};

/**
 * It has failed, and the log and the audit say so. Its job, where it has one, is the reaper's: nobody follows it, and its launch is over.
 * @param out its account may not enter any more; else there is nothing to go on with
 */
export function cutOff(before: LaunchView, out: boolean, options: CutOffOptions): void {
  const { kept, log, onOver } = options;
  const { id: launch, session, account } = before;
  const why = out ? `${account} may not enter here any more` : 'it could not go on with this launch';
  const error = new HpcbinderError('E-CANCELLED', { message: `the endpoint was restarted: ${why}` });
  const { code, message } = error;
  const view: LaunchView = { ...before, state: 'failed', endedAt: new Date().toISOString(), error: { code, message } };
  kept.saveLaunch(view);
  log?.(failedLine(view, error));
  onOver?.(view, undefined);
  const of = { launch, ...(session ? { session } : {}), detail: `of ${account}` };
  if (out) kept.audit.write({ account: '-', action: 'cancel', ...of });
}
