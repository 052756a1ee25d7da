/**
 * Is the connection alive? A silent one is told apart from a slow one by a second connection: where that comes up while
 * the first stays silent, the first is lost (DESIGN 8, SECURITY F-13). So a new network is in use within seconds, without
 * false alarms, where ssh's own keepalive needs a minute; and a laptop that wakes up does not wait for it.
 */

/** Milliseconds. */
export type PulseTimes = {
  tickMs: number;
  /** silent for so long, although it is asked for a sign each KEEPALIVE_MS, it is doubted */
  doubtMs: number;
};

export const KEEPALIVE_MS = 5_000;
/** A clock that is so far ahead of a timer: the machine slept. */
export const SLEPT_MS = 8_000;
export const PULSE: PulseTimes = { tickMs: 1_000, doubtMs: 12_000 };

export class Pulse {
  readonly #times: PulseTimes;
  readonly #timer: NodeJS.Timeout;
  readonly #doubt: () => Promise<void>;
  #heard = Date.now();
  #ticked = Date.now();
  #doubting = false;

  /** `doubt` makes a second connection, decides, and returns; it is not called again meanwhile. */
  constructor(doubt: () => Promise<void>, times: PulseTimes = PULSE) {
    this.#doubt = doubt;
    this.#times = times;
    this.#timer = setInterval(() => this.#tick(), times.tickMs).unref();
  }

  /** Something came from the other side. */
  beat(): void {
    this.#heard = Date.now();
  }

  /** epoch milliseconds of the last sign of life */
  get heard(): number {
    return this.#heard;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    // The clock on the wall: timers may stand still while a machine sleeps.
    const now = Date.now();
    const slept = now - this.#ticked > this.#times.tickMs + SLEPT_MS;
    this.#ticked = now;
    // where it was set back, silence begins anew (SECURITY F-46)
    this.#heard = Math.min(this.#heard, now);
    if (this.#doubting || !(slept || now - this.#heard > this.#times.doubtMs)) return;
    this.#doubting = true;
    this.#doubt()
      .catch(() => undefined)
      .finally(() => {
        this.#doubting = false;
      });
  }
}
