/** A value that tells its changes. */
import type { Watchable } from '../core/transport.ts';

export class Watched<T> implements Watchable<T> {
  #value: T;
  readonly #watchers = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (value === this.#value) return;
    this.#value = value;
    for (const on of [...this.#watchers]) on(value);
  }

  watch(on: (value: T) => void): () => void {
    const own = (value: T) => on(value);
    this.#watchers.add(own);
    return () => this.#watchers.delete(own);
  }
}
