/** What a launch has told so far, for those who come later: they hear it from its beginning, then as it goes on. */
import type { Progress } from '../../core/progress.ts';

/** of one launch, in memory; a build that talks more loses its oldest lines */
const MOST_EVENTS = 20_000;
const MOST_LINE = 4_000;
/** of one that is over, and only looked at again: the end of its log */
const MOST_LATER = { lines: 1_000, text: 100_000 };
/** of all lines together, characters: a hundred launches at once and those of the last minutes must fit (SECURITY F-47) */
const MOST_TEXT = 1_000_000;

export type Told<T> = Progress | T;
/** `at`: its place among all that was told, also of what is gone */
type Entry<T> = { at: number; event: Told<T> };

export class Story<T extends { type: string }> {
  #entries: Entry<T>[] = [];
  #count = 0;
  #text = 0;
  #over = false;
  #wake: (() => void)[] = [];

  tell(event: Told<T>): void {
    const last = this.#entries.at(-1);
    const before = last?.event;
    const again = event.type === 'update' && before?.type === 'update' && 'phase' in before && 'phase' in event;
    // of a progress bar only where it stands now; who listens sees each as it comes
    if (last && again && before.phase === event.phase) last.event = event;
    else {
      const kept = shortened(event);
      this.#text += textOf(kept);
      this.#entries.push({ at: this.#count++, event: kept });
    }
    if (this.#entries.length > MOST_EVENTS || this.#text > MOST_TEXT)
      this.#shorten({ lines: MOST_EVENTS / 2, text: MOST_TEXT / 2 });
    this.#call();
  }

  /** It is over, and who heard it has done so: the end of its log stays. */
  shorten(): void {
    this.#shorten(MOST_LATER);
  }

  all(): readonly Told<T>[] {
    return this.#entries.map(({ event }) => event);
  }

  end(): void {
    this.#over = true;
    this.#call();
  }

  /** Each event from the beginning, until the end or `signal`. */
  async *from(signal: AbortSignal): AsyncGenerator<Told<T>> {
    let next = 0;
    let said: Told<T> | undefined;
    while (!signal.aborted) {
      const last = this.#entries.at(-1);
      const entry = this.#entries[this.#indexOf(next)] ?? (last?.event === said ? undefined : last);
      if (entry !== undefined) {
        next = entry.at + 1;
        said = entry.event;
        yield entry.event;
        continue;
      }
      if (this.#over) return;
      await this.#next(signal);
    }
  }

  /** Of the first entry that is told at `at` or later. */
  #indexOf(at: number): number {
    let [from, to] = [0, this.#entries.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#entries[middle]?.at ?? 0) < at) from = middle + 1;
      else to = middle;
    }
    return from;
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

  /** The older lines go; the phases stay, for they say where the launch stands. */
  #shorten(most: { lines: number; text: number }): void {
    let text = 0;
    let lines = 0;
    const kept = this.#entries.toReversed().filter(({ event }) => {
      if (event.type !== 'log') return true;
      text += textOf(event);
      lines += 1;
      return text <= most.text && lines <= most.lines;
    });
    // of phases that never end the oldest go too
    this.#entries = kept.slice(0, most.lines + 1000).reverse();
    this.#text = this.#entries.reduce((sum, { event }) => sum + textOf(event), 0);
  }
}

function textOf(event: object): number {
  return 'line' in event && typeof event.line === 'string' ? event.line.length : 0;
}

function shortened<T extends { type: string }>(event: Told<T>): Told<T> {
  if (!('line' in event) || typeof event.line !== 'string' || event.line.length <= MOST_LINE) return event;
  return { ...event, line: `${event.line.slice(0, MOST_LINE)} …` };
}
