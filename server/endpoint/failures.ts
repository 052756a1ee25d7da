/**
 * Launches that failed are kept longer than others, so that whoever comes back the next morning finds out why. Bounded, for a
 * build may have said much (SECURITY F-47), and one user's failures do not push out the others'.
 */
const DAY_MS = 86_400_000;
const MOST = 100;
const MOST_OF_ONE = 10;

export class Failures {
  /** ids, the oldest first, and whose they are */
  readonly #kept = new Map<string, string>();
  readonly #forget: (id: string) => void;

  /** @param forget called once for each: after a day, or when newer ones take its place */
  constructor(forget: (id: string) => void) {
    this.#forget = forget;
  }

  /** The newest of all; of too many of the same account, or of all, the oldest goes. */
  add(id: string, account: string): void {
    this.#kept.set(id, account);
    const all = [...this.#kept.keys()];
    const own = all.filter((other) => this.#kept.get(other) === account);
    for (const old of [...own.slice(0, -MOST_OF_ONE), ...all.slice(0, -MOST)]) this.#drop(old);
    setTimeout(() => this.#drop(id), DAY_MS).unref();
  }

  #drop(id: string): void {
    if (this.#kept.delete(id)) this.#forget(id);
  }
}
