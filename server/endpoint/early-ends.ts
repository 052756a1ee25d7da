/** Sessions that were over before their app was ready. Pure. */
import type { KeptSession } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';

/** Nothing was submitted for it: another one may take its place. */
export function isUnbegun({ phase, jobId, ended }: KeptSession): boolean {
  return phase === 'ended' && jobId === undefined && ended?.why === 'failed';
}

/** What its launch says of it. */
export function overAlready(record: KeptSession): HpcbinderError {
  return new HpcbinderError('E-JOB-FAILED', {
    message: `session ${record.id} ended before its app was ready${record.ended?.detail ? `: ${record.ended.detail}` : ''}`,
  });
}
