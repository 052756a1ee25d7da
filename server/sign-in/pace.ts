/** How often something may happen per key: a bucket that fills again. It slows one key down and shuts nobody else out. */

/** Addresses and accounts that are remembered; a forgotten one begins with a full bucket. */
const MAX_KEYS = 10_000;

export type Speed = { burst: number; perMinute: number };

export class Pace {
  readonly #left = new Map<string, { tokens: number; at: number }>();
  readonly #how: () => Speed;
  readonly #now: () => number;

  /** `how` as a function: as it is at each take. */
  constructor(how: Speed | (() => Speed), now: () => number) {
    this.#how = typeof how === 'function' ? how : () => how;
    this.#now = now;
  }

  /** 0: go on. Else after so many seconds. */
  take(key: string): number {
    const now = this.#now();
    const { burst, perMinute } = this.#how();
    const perSecond = perMinute / 60;
    const before = this.#left.get(key) ?? { tokens: burst, at: now };
    // a clock that was set back gives nothing
    const filled = before.tokens + (Math.max(0, now - before.at) / 1000) * perSecond;
    const tokens = Math.min(burst, filled);
    const taken = tokens >= 1;
    this.#left.delete(key);
    this.#left.set(key, { tokens: taken ? tokens - 1 : tokens, at: now });
    const [oldest] = this.#left.keys();
    if (this.#left.size > MAX_KEYS && oldest !== undefined) this.#left.delete(oldest);
    return taken ? 0 : Math.max(1, Math.ceil((1 - tokens) / perSecond));
  }
}
