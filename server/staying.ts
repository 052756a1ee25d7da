/** Who is in is asked again: what was opened under a login or a token ends with it (SECURITY TOK-11: within 5 s). */
import { Slots } from './slots.ts';

const EVERY_MILLISECONDS = 2500;

/** A response or a socket. */
type Stream = { destroy(): unknown; once(event: 'close', listener: () => void): unknown };

export class Staying {
  readonly #all = new Slots<{ stream: Stream; holds: () => boolean }>();
  #timer: NodeJS.Timeout | undefined;

  /** @param holds asked while the stream is open; false ends it. Asking is no use of the login. */
  watch(stream: Stream, holds: () => boolean): void {
    const place = this.#all.enter({ stream, holds });
    stream.once('close', () => this.#all.leave(place));
    this.#timer ??= setInterval(() => this.#ask(), EVERY_MILLISECONDS).unref();
  }

  #ask(): void {
    for (const { stream, holds } of this.#all) if (!holds()) stream.destroy();
    if (this.#all.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
