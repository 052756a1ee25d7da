/**
 * The waiting line of launches (SECURITY F-52): a class that clicks at nine makes neither three hundred processes on the login node at
 * once nor three hundred submits in a second. Only the work up to the job counts: who builds has a line of their own (cli/serve), and
 * who waits for the scheduler does nothing here.
 */
import type { Progress } from '../../core/progress.ts';

/** launches that work at once */
const MOST = 12;
/** From here on it is others who work. */
const OTHERS: ReadonlySet<string> = new Set(['build', 'queue', 'start']);

type Waiting = { called: boolean; wake(): void };

export class Line {
  readonly #most: number;
  #going = 0;
  #waiting: Waiting[] = [];

  constructor(most: number = MOST) {
    this.#most = most;
  }

  /** `path`, begun when it is its turn; until then it says how many are ahead. First come, first served. */
  async *through<R>(path: AsyncGenerator<Progress, R>, signal: AbortSignal): AsyncGenerator<Progress, R> {
    yield* this.#turn(signal);
    let here = true;
    const leave = () => {
      if (here) this.#left();
      here = false;
    };
    try {
      for (;;) {
        const step = await path.next();
        if (step.done) return step.value;
        if (step.value.type === 'start' && OTHERS.has(step.value.phase)) leave();
        yield step.value;
      }
    } finally {
      leave();
    }
  }

  async *#turn(signal: AbortSignal): AsyncGenerator<Progress, void> {
    signal.throwIfAborted();
    if (this.#going < this.#most && this.#waiting.length === 0) {
      this.#going += 1;
      return;
    }
    const mine: Waiting = { called: false, wake: () => {} };
    this.#waiting.push(mine);
    const woken = () => mine.wake();
    signal.addEventListener('abort', woken, { once: true });
    try {
      for (let type: 'start' | 'update' = 'start'; !mine.called; type = 'update') {
        const next = new Promise<void>((resolve) => {
          mine.wake = resolve;
        });
        const ahead = this.#waiting.indexOf(mine);
        yield { type, phase: 'cluster', text: `waiting in line: ${ahead === 0 ? 'next' : `${ahead} ahead`}` };
        if (!mine.called && !signal.aborted) await next;
        signal.throwIfAborted();
      }
    } finally {
      signal.removeEventListener('abort', woken);
      this.#waiting = this.#waiting.filter((each) => each !== mine);
      // called, and gone in the same moment
      if (mine.called && signal.aborted) this.#left();
    }
  }

  #left(): void {
    this.#going -= 1;
    const [first] = this.#waiting;
    if (first && this.#going < this.#most) {
      this.#going += 1;
      first.called = true;
      this.#waiting.shift();
    }
    first?.wake();
    // far behind, only the tens are told
    for (const [ahead, each] of this.#waiting.entries()) if (ahead < 10 || ahead % 10 === 0) each.wake();
  }
}
