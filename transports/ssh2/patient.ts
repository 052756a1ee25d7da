/** A deadline for machines that stands still while a person thinks. */
export class PatientClock {
  readonly expired: Promise<void>;
  readonly #ms: number;
  #timer: NodeJS.Timeout | undefined;
  #expire: () => void = () => {};
  #asking = 0;

  constructor(ms: number) {
    this.#ms = ms;
    this.expired = new Promise((resolve) => {
      this.#expire = resolve;
    });
    this.#start();
  }

  async pause<T>(ask: () => Promise<T>): Promise<T> {
    this.#asking++;
    this.stop();
    try {
      return await ask();
    } finally {
      if (--this.#asking === 0) this.#start();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #start(): void {
    this.#timer = setTimeout(this.#expire, this.#ms);
  }
}
