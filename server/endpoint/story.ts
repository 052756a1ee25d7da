/** What a launch has told so far, for those who come later: they hear it from its beginning, then as it goes on. */
import type { Progress } from '../../core/progress.ts';

/** of one launch, in memory; a build that talks more loses its oldest lines */
const MOST_EVENTS = 20_000;
const MOST_LINE = 4_000;

export type Told<T> = Progress | T;

export class Story<T extends { type: string }> {
  #events: Told<T>[] = [];
  #dropped = 0;
  #over = false;
  #wake: (() => void)[] = [];

  tell(event: Told<T>): void {
    const last = this.#events.at(-1);
    const again = event.type === 'update' && last?.type === 'update' && 'phase' in last && 'phase' in event;
    // of a progress bar only where it stands now; who listens sees each as it comes
    if (again && last.phase === event.phase) this.#events[this.#events.length - 1] = event;
    else this.#events.push(shortened(event));
    if (this.#events.length > MOST_EVENTS) this.#shorten();
    this.#call();
  }

  all(): readonly Told<T>[] {
    return this.#events;
  }

  end(): void {
    this.#over = true;
    this.#call();
  }

  /** Each event from the beginning, until the end or `signal`. */
  async *from(signal: AbortSignal): AsyncGenerator<Told<T>> {
    let at = 0;
    let last: Told<T> | undefined;
    while (!signal.aborted) {
      at = Math.max(at, this.#dropped);
      const index = at - this.#dropped;
      const event = this.#events[index];
      if (event !== undefined) {
        at += 1;
        last = event;
        yield event;
        continue;
      }
      const replaced = this.#events.at(-1);
      if (replaced !== undefined && replaced !== last && at - 1 - this.#dropped === this.#events.length - 1) {
        last = replaced;
        yield replaced;
        continue;
      }
      if (this.#over) return;
      await this.#next(signal);
    }
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#wake.push(done);
    });
  }

  #call(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  #shorten(): void {
    const gone = this.#events.length - MOST_EVENTS / 2;
    this.#events = this.#events.slice(gone);
    this.#dropped += gone;
  }
}

function shortened<T extends { type: string }>(event: Told<T>): Told<T> {
  if (!('line' in event) || typeof event.line !== 'string' || event.line.length <= MOST_LINE) return event;
  return { ...event, line: `${event.line.slice(0, MOST_LINE)} …` };
}
