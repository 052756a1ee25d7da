/**
 * A deadline for machines that stands still while a person thinks, and is longer after their answer: the server may wait for
 * the same person's phone, as long as its LoginGraceTime lets it (120 s unless the site says otherwise).
 */
export const ANSWERED_MS = 180_000;
/** nothing is silent for longer (EXPERIENCE section 1) */
export const SILENT_MS = 10_000;

export function stillWaiting(name: string): string {
  return `waiting for ${name}; is there a push to confirm?`;
}

export class PatientClock {
  readonly expired: Promise<void>;
  #ms: number;
  #timer: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #expire: () => void = () => {};
  #asking = 0;

  constructor(ms: number) {
    this.#ms = ms;
    this.expired = new Promise((resolve) => {
      this.#expire = resolve;
    });
    this.#start();
  }

  /** the deadline that counts now */
  get ms(): number {
    return this.#ms;
  }

  /** `silent` is called where nothing comes for a while after the answer. */
  async pause<T>(ask: () => Promise<T>, silent?: () => void): Promise<T> {
    this.#asking++;
    this.stop();
    if (silent) this.#ms = ANSWERED_MS;
    try {
      return await ask();
    } finally {
      if (--this.#asking === 0) this.#start();
      if (silent) this.#silence = setTimeout(silent, SILENT_MS);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
  }

  #start(): void {
    this.#timer = setTimeout(this.#expire, this.#ms);
  }
}
