/** How this room says that something went wrong. */
import { type ErrorDetail, HpcbinderError } from '../core/errors.ts';

export function fault(detail: ErrorDetail): HpcbinderError {
  return new HpcbinderError('E-DEVCLUSTER', detail);
}

/** The HTTP status of an answer of the engine, where the error is one (dockerode sets `statusCode`). */
export function statusOf(error: unknown): number | undefined {
  const status = field(error, 'statusCode');
  return typeof status === 'number' ? status : undefined;
}

/** `ENOENT`, `EEXIST` and their like. */
export function codeOf(error: unknown): string | undefined {
  const code = field(error, 'code');
  return typeof code === 'string' ? code : undefined;
}

function field(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? new Map(Object.entries(error)).get(name) : undefined;
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
