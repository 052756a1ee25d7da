/**
 * What has happened already and could not be written, for the disk is full: kept in memory and written when there is room
 * again. What is about to be done is never put off: that is refused.
 */
import { HpcbinderError } from '../../core/errors.ts';

/** Of audit lines; beyond it the oldest go, and that is told. */
const MOST = 10_000;

export class Later {
  readonly #tell: (words: string) => void;
  /** by what they are about: of two writes for one session the newer */
  readonly #writes = new Map<string, () => void>();
  #number = 0;
  constructor(tell: (words: string) => void) {
    this.#tell = tell;
  }

  get size(): number {
    return this.#writes.size;
  }

  /** Writes now, after what waits, or later. `about`: absent for what nothing newer replaces. */
  write(write: () => void, about: string = `line ${++this.#number}`): void {
    if (this.size > 0 && !this.flush()) this.#put(about, write);
    else if (!wasWritten(write)) this.#put(about, write);
  }

  #put(about: string, write: () => void): void {
    if (this.size === 0) this.#tell('the state cannot be written: what happens is kept in memory meanwhile');
    this.#writes.delete(about);
    this.#writes.set(about, write);
    for (const oldest of this.#writes.keys()) {
      if (this.size <= MOST) break;
      this.#writes.delete(oldest);
      this.#tell(
        'the state cannot be written, and more has happened than is kept in memory: the oldest line is dropped',
      );
    }
  }

  /** @returns whether nothing waits any more */
  flush(): boolean {
    const count = this.size;
    for (const [about, write] of this.#writes) {
      try {
        if (!wasWritten(write)) return false;
      } catch (error) {
        // what can never be written is not tried again
        this.#writes.delete(about);
        throw error;
      }
      this.#writes.delete(about);
    }
    if (count > 0) this.#tell(`the state can be written again: ${count} that waited are in it`);
    return true;
  }
}

function wasWritten(write: () => void): boolean {
  try {
    write();
    return true;
  } catch (error) {
    if (error instanceof HpcbinderError && error.code === 'E-STATE') return false;
    throw error;
  }
}
