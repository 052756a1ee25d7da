/** The end for idleness comes nearer: when that is to be said, and when it is taken back. The agent's own word is counted from. */
import { secondsUntil } from '../sessions/clocks.ts';
import type { SessionRecord } from '../sessions/records.ts';

/** seconds before it; one that is the whole limit would be said to whoever has just come */
const MOMENTS = [900, 300, 60];

/** `at`: epoch seconds of the cluster's clock. `left`, `unused`: seconds. */
export type Idleness = { kind: 'near'; at: number; left: number; unused: number } | { kind: 'used' };

export class Idling {
  #told = new Set<number>();
  /** the last use that they count from */
  #since = 0;

  /** `record`: as the agent told it a moment ago; of one that is silent nothing is concluded. */
  look(record: Pick<SessionRecord, 'idle' | 'limits' | 'endsAt' | 'localAhead'>, now: Date): Idleness | undefined {
    const { idle, limits, endsAt = Number.POSITIVE_INFINITY } = record;
    if (!idle) return undefined;
    const at = idle.since + limits.idleSeconds;
    const left = secondsUntil(record, at, now);
    const near = idle.busyKernels === 0 && at < endsAt;
    const come = near ? MOMENTS.filter((moment) => moment < limits.idleSeconds && left <= moment) : [];
    // used meanwhile, and not for long enough again: the new end is worth saying
    const known = idle.since === this.#since ? this.#told : new Set<number>();
    const before = this.#told.size;
    this.#told = new Set(come);
    this.#since = idle.since;
    if (come.some((moment) => !known.has(moment)))
      return { kind: 'near', at, left, unused: Math.max(0, limits.idleSeconds - left) };
    return before > 0 && come.length === 0 ? { kind: 'used' } : undefined;
  }
}
