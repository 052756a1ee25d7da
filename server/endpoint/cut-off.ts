/** A launch of a former process that this one does not take up: what it has become. Pure. */
import type { AuditLine, LaunchView } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';

export type CutOff = {
  view: LaunchView;
  error: HpcbinderError;
  /** of the audit log */
  line: Pick<AuditLine, 'launch' | 'session' | 'detail'>;
};

/** @param out its account may not enter any more; else there is nothing to go on with */
export function cutOff(view: LaunchView, out: boolean, at: Date): CutOff {
  const why = out ? `${view.account} may not enter here any more` : 'it could not go on with this launch';
  const error = new HpcbinderError('E-CANCELLED', { message: `the endpoint was restarted: ${why}` });
  const { code, message } = error;
  const { id: launch, session, account } = view;
  return {
    view: { ...view, state: 'failed', endedAt: at.toISOString(), error: { code, message } },
    error,
    line: { launch, ...(session ? { session } : {}), detail: `of ${account}` },
  };
}
