/** Requests whose app has not answered yet. One clock looks at all of them, where a timer for each would cost as much as a check. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Slots } from './slots.ts';

/** Looks within one deadline: a silence is found out that much of it too late at most. */
const LOOKS = 8;

export type Waiting = {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** of the room */
  place?: number | undefined;
  /** bytes of the connection at the last progress, and when the silence since then is long enough */
  seen?: number;
  due?: number;
};

export class WaitingRoom<W extends Waiting> {
  readonly #all = new Slots<W>();
  readonly #ms: number;
  readonly #onSilence: (waiting: W) => void;
  #timer: NodeJS.Timeout | undefined;

  /** `onSilence`: neither has the app answered nor has the browser sent a byte of its body for `ms`. It has left by then. */
  constructor(ms: number, onSilence: (waiting: W) => void) {
    this.#ms = ms;
    this.#onSilence = onSilence;
  }

  /** Until `leave`, or until its browser has gone. */
  enter(waiting: W): void {
    waiting.place = this.#all.enter(waiting);
    this.#timer ??= setInterval(() => this.#look(Date.now()), Math.ceil(this.#ms / LOOKS)).unref();
  }

  leave(waiting: W): void {
    if (waiting.place === undefined) return;
    this.#all.leave(waiting.place);
    waiting.place = undefined;
  }

  #look(now: number): void {
    for (const waiting of this.#all) {
      const { req, res } = waiting;
      const read = req.socket.bytesRead;
      if (res.headersSent || res.destroyed) this.leave(waiting);
      else if (waiting.due === undefined || (!req.complete && read > (waiting.seen ?? 0))) {
        waiting.seen = read;
        waiting.due = now + this.#ms;
      } else if (now >= waiting.due) {
        this.leave(waiting);
        this.#onSilence(waiting);
      }
    }
    if (this.#all.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
