/** How this room says that something went wrong. */
import { type ErrorDetail, HpcbinderError } from '../core/errors.ts';

export function fault(detail: ErrorDetail): HpcbinderError {
  return new HpcbinderError('E-DEVCLUSTER', detail);
}

/** The HTTP status of an answer of the engine, where the error is one (dockerode sets `statusCode`). */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Removing what is already gone, or creating what is already there (304, 404, 409), is success. */
export async function tolerate(statuses: readonly number[], action: Promise<unknown>): Promise<void> {
  await action.catch((error: unknown) => {
    if (!statuses.includes(statusOf(error) ?? 0)) throw error;
  });
}
