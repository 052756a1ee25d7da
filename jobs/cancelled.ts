import { HpcbinderError } from '../core/errors.ts';

/** Throws E-CANCELLED once the signal has fired; a signal that carries an error of ours throws that one. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  if (signal.reason instanceof HpcbinderError) throw signal.reason;
  throw new HpcbinderError('E-CANCELLED', { message: 'cancelled', cause: signal.reason });
}
