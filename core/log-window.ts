/** A log of any length in bounded room: its beginning as it comes, and its last lines when it is over (SECURITY F-47). */

const MOST_CHARACTERS = 4 << 20;
/** a line costs time too: it is shown, and written down */
const MOST_LINES = 50_000;
const LAST_LINES = 100;

export class LogWindow {
  readonly #on: (line: string) => void;
  #left = MOST_CHARACTERS;
  #lines = 0;
  #dropped = 0;
  #last: string[] = [];

  constructor(on: (line: string) => void) {
    this.#on = on;
  }

  take(line: string): void {
    if (this.#left > 0 && this.#lines < MOST_LINES) {
      this.#left -= line.length;
      this.#lines++;
      this.#on(line);
      if (this.#left <= 0 || this.#lines === MOST_LINES)
        this.#on('(the log is too long: of what follows only the last lines are kept)');
      return;
    }
    this.#last.push(line);
    if (this.#last.length < 2 * LAST_LINES) return;
    this.#dropped += LAST_LINES;
    this.#last = this.#last.slice(LAST_LINES);
  }

  end(): void {
    if (this.#dropped > 0) this.#on(`(${this.#dropped} lines left out)`);
    for (const line of this.#last) this.#on(line);
    this.#last = [];
    this.#dropped = 0;
  }
}
