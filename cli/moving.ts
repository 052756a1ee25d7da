/** How far a long command is: the line that moves on a terminal, else a line now and then. */
import { canMove, drawMoving, eraseMoving, plain } from './terminal.ts';

const EVERY_MS = 200;
const LINE_EVERY_MS = 10_000;

export class Moving implements Disposable {
  readonly #quiet: boolean;
  #next = Date.now() + (canMove ? EVERY_MS : LINE_EVERY_MS);

  constructor(how: { quiet: boolean }) {
    this.#quiet = how.quiet;
  }

  /** One short line. */
  tell(text: string): void {
    if (this.#quiet || Date.now() < this.#next) return;
    this.#next = Date.now() + (canMove ? EVERY_MS : LINE_EVERY_MS);
    if (canMove) drawMoving(plain(text));
    else process.stderr.write(plain(`${text}\n`));
  }

  [Symbol.dispose](): void {
    eraseMoving();
  }
}
