/**
 * What has happened already and could not be written, for the disk is full: kept in memory and written when there is room
 * again. What is about to be done is never put off: that is refused.
 */
import { HpcbinderError } from '../../core/errors.ts';
import type { StateFile } from './file.ts';

/** Beyond it the oldest go, and that is told. */
const MOST = 10_000;
/** A try may wait for another process, and holds up everything meanwhile. */
const AGAIN_MS = 5000;

export type Happened = {
  write(): void;
  /** it is on the disk */
  written?(): void;
  /** of two that wait for one thing the newer is written; absent: both */
  about?: string;
};

export class Later {
  readonly #file: StateFile;
  readonly #tell: (words: string) => void;
  readonly #waiting = new Map<string, Happened>();
  #number = 0;
  #dropped = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  constructor(file: StateFile, tell: (words: string) => void) {
    this.#file = file;
    this.#tell = tell;
  }

  /** Now, after what waits, or later. */
  write(one: Happened): void {
    if (this.#waiting.size === 0 && this.#isWritten([one])) return;
    if (this.#waiting.size === 0) this.#tell('the state cannot be written: what happens is kept in memory meanwhile');
    const about = one.about ?? `line ${++this.#number}`;
    this.#waiting.delete(about);
    this.#waiting.set(about, one);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MOST && oldest !== undefined) {
      this.#waiting.delete(oldest);
      this.#dropped++;
    }
    if (performance.now() - this.#failedAt > AGAIN_MS) this.flush();
  }

  /** All that waits, together. */
  flush(): void {
    const all = [...this.#waiting.values()];
    if (all.length === 0 || !this.#isWritten(all)) return;
    const lost = this.#dropped > 0 ? `, ${this.#dropped} more were too many to keep and are lost` : '';
    this.#tell(`the state can be written again: ${all.length} that waited are in it${lost}`);
    this.#waiting.clear();
    this.#dropped = 0;
  }

  #isWritten(all: readonly Happened[]): boolean {
    try {
      this.#file.together(() => {
        for (const one of all) one.write();
      });
    } catch (error) {
      if (!(error instanceof HpcbinderError) || error.code !== 'E-STATE') throw error;
      this.#failedAt = performance.now();
      return false;
    }
    for (const one of all) one.written?.();
    return true;
  }
}
