/** Lines of a tool's output. */
const MAX_LINE = 64_000;

/** Output of a tool, cut into lines as it comes; what has no end is cut too, so that nothing grows without bound. */
export class LineCutter {
  readonly #on: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = '';

  /** A line of more than MAX_LINE characters is handed on in pieces. */
  constructor(on: (line: string) => void) {
    this.#on = on;
  }

  take(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split(/\r?\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#on(line);
    for (; this.#rest.length > MAX_LINE; this.#rest = this.#rest.slice(MAX_LINE)) {
      this.#on(this.#rest.slice(0, MAX_LINE));
    }
  }

  end(): void {
    if (this.#rest !== '') this.#on(this.#rest);
    this.#rest = '';
  }
}
