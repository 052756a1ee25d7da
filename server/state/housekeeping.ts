/** What the state needs while an endpoint serves from it. */
import { asHpcbinderError } from '../../core/errors.ts';
import type { State } from './index.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * Each minute: is the file still there, can be written, and does nothing wait? Each day, first after a minute: what is too old goes.
 * @param how.log one structured line; a fault that lasts is told once
 * @returns ends it
 */
export function keepHouse(
  state: State,
  how: { retentionDays: () => number; log(line: Record<string, unknown>): void; everyMs?: number },
): () => void {
  let told: string | undefined;
  let prunedAt = Number.NEGATIVE_INFINITY;
  const look = () => {
    try {
      state.check(true);
      if (performance.now() - prunedAt > DAY_MS) {
        const gone = state.prune(how.retentionDays());
        prunedAt = performance.now();
        if (Object.values(gone).some((count) => count > 0)) how.log({ event: 'pruned', ...gone });
      }
      told = undefined;
    } catch (cause) {
      const { code, message, hint } = asHpcbinderError(cause);
      if (message !== told) how.log({ event: 'state', code, words: message, ...(hint ? { hint } : {}) });
      told = message;
    }
  };
  const timer = setInterval(look, how.everyMs ?? MINUTE_MS).unref();
  return () => clearInterval(timer);
}
