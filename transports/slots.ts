/**
 * At most so many sessions at once, first come first served. sshd allows 10 a connection unless the site says otherwise
 * (MaxSessions); we take 4, and fewer once it refuses one.
 */
export class Slots {
  #limit: number;
  #held = 0;
  readonly #waiting: (() => void)[] = [];
  /** called where somebody must wait for the only slot there is */
  onlyOneWanted: () => void = () => {};

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** taken now */
  get held(): number {
    return this.#held;
  }

  lower(limit: number): void {
    this.#limit = Math.min(this.#limit, Math.max(1, limit));
  }

  /** Resolves with the function that gives the slot back; calling it twice gives back once. */
  async take(): Promise<() => void> {
    if (this.#held >= this.#limit) {
      if (this.#limit === 1) this.onlyOneWanted();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#held++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      // who waits takes over what was held
      const next = this.#held <= this.#limit ? this.#waiting.shift() : undefined;
      if (next) next();
      else this.#held--;
    };
  }
}
