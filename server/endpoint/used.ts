/**
 * What a session used in the last hour. Kept as text: of 700 sessions these are 84,000 figures, and each of them as an object
 * weighs a kilobyte and lies between what the collector wants to free (`npm run bench serve`, memory of one WebSocket).
 */
import type { Figures } from '../../core/endpoint.ts';

/** one in half a minute */
const MOST = 120;

export class Used {
  readonly #lines: string[] = [];
  #last: Figures | undefined;

  add(figures: Figures): void {
    this.#last = figures;
    if (this.#lines.push(JSON.stringify(figures)) > MOST) this.#lines.shift();
  }

  get last(): Figures | undefined {
    return this.#last;
  }

  /** the newest last */
  all(): readonly Figures[] {
    return this.#lines.map((line) => JSON.parse(line) as Figures);
  }
}
