/** How often something may happen per key: a bucket that fills again. It slows one key down and shuts nobody else out. */

/** Addresses and accounts that are remembered; a forgotten one begins with a full bucket. */
const MAX_KEYS = 10_000;

export class Pace {
  readonly #left = new Map<string, { tokens: number; at: number }>();
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #now: () => number;

  constructor(how: { burst: number; perMinute: number }, now: () => number) {
    this.#burst = how.burst;
    this.#perSecond = how.perMinute / 60;
    this.#now = now;
  }

  /** 0: go on. Else after so many seconds. */
  take(key: string): number {
    const now = this.#now();
    const before = this.#left.get(key) ?? { tokens: this.#burst, at: now };
    // a clock that was set back gives nothing
    const filled = before.tokens + (Math.max(0, now - before.at) / 1000) * this.#perSecond;
    const tokens = Math.min(this.#burst, filled);
    const taken = tokens >= 1;
    this.#left.delete(key);
    this.#left.set(key, { tokens: taken ? tokens - 1 : tokens, at: now });
    const [oldest] = this.#left.keys();
    if (this.#left.size > MAX_KEYS && oldest !== undefined) this.#left.delete(oldest);
    return taken ? 0 : Math.max(1, Math.ceil((1 - tokens) / this.#perSecond));
  }
}
