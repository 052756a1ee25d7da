/**
 * Cookies whose signature was found genuine: a browser shows the same one with each of its requests, and an HMAC each time took
 * a twentieth of the proxy's time and left as much to the collector. What is asked of a cookie besides (its expiry, its login) is
 * asked each time. Only what is genuine is kept, so nobody fills this with guesses; and a Map finds a string by a hash that is
 * keyed anew in each process, so the time of a look tells nothing of how much of a guess is right.
 */
const MOST = 64;

export class Genuine<T> {
  readonly #known = new Map<string, T>();
  readonly #check: (value: string) => T | undefined;

  constructor(check: (value: string) => T | undefined) {
    this.#check = check;
  }

  /** What `check` says of it, asked once for a value that is genuine. The oldest is forgotten first. */
  read(value: string): T | undefined {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const read = this.#check(value);
    if (read === undefined) return undefined;
    this.#known.set(value, read);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
    return read;
  }
}
