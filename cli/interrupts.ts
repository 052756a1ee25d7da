/** ctrl-C: the first ends what is going on here in order, a second within a few seconds means more. */
export class Interrupts {
  #controller = new AbortController();
  #count = 0;
  #onAgain: (() => void) | undefined;
  readonly #listener = () => {
    this.#count++;
    if (this.#count === 1) this.#controller.abort();
    else this.#onAgain?.();
    // a step that does not hear the signal must not hold a person: the job, if there is one, lives on
    if (this.#count === 4) process.exit(130);
  };

  constructor() {
    process.on('SIGINT', this.#listener);
    process.on('SIGTERM', this.#listener);
    process.on('SIGHUP', this.#listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#controller.signal.aborted;
  }

  /** A new phase in which the first ctrl-C counts anew; kept where one came already. */
  reset(): void {
    if (this.aborted) return;
    this.#controller = new AbortController();
    this.#count = 0;
  }

  /** Did another ctrl-C come, now or within `ms`? */
  again(ms: number): Promise<boolean> {
    if (this.#count > 1) return Promise.resolve(true);
    if (ms === 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      this.#onAgain = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  dispose(): void {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, this.#listener);
  }
}
