/** A numbered stream as Node's own streams are used: its user sees a pause where the tunnel was cut, and no more. */
import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { HpcbinderError } from '../core/errors.ts';
import { number, text } from '../core/json.ts';
import { harmless } from '../core/text.ts';
import { agentFault } from './control.ts';
import { type Frame, FrameReader, frameOf, Numbered, StreamFault, wordsOf } from './stream-core.ts';
import type { Patience } from './stream-patience.ts';

/** As in sessions/agent/stream_carried.py. */
const WINDOWS = { sends: 1 << 20, takes: 8 << 20 };

export class NumberedStream extends Duplex {
  readonly #name = randomBytes(16).toString('hex');
  readonly #core = new Numbered(WINDOWS);
  readonly #again: () => Promise<TLSSocket | undefined>;
  readonly #patience: Patience;
  readonly #timer: NodeJS.Timeout;
  #socket: TLSSocket | undefined;
  /** both ends know on this connection where they stand */
  #agreed = false;
  /** the agent has answered once: it must know the stream from then on */
  #known = false;
  #writer: (() => void) | undefined;
  #settling: NodeJS.Timeout | undefined;
  #ticked = Date.now();
  #heard = Date.now();
  #askedAt: number | undefined;
  #answerMs = 0;
  #awaySince = 0;
  #attachedAt = 0;
  /** connections in a row that were cut as soon as they were made: the next one waits longer */
  #brief = 0;
  /** the agent knows that this end is over, or does not want to */
  #parted = false;
  /** connections that were cut since this end is over */
  #cuts = 0;

  /** `again` makes another connection; undefined where that did not come about, in time */
  constructor(first: TLSSocket, again: () => Promise<TLSSocket | undefined>, patience: Patience) {
    super({ allowHalfOpen: true });
    // A refusal may come when its user has just gone.
    this.on('error', () => {});
    // What its reader has left lying goes at once: the agent may not hear of the end for long.
    this.once('close', () => {
      while (this.read() !== null);
    });
    this.#again = again;
    this.#patience = patience;
    this.#timer = setInterval(() => this.#tick(), patience.tickMs).unref();
    this.#core.resume(0);
    this.#agreed = true;
    this.#attach(first);
  }

  // What http and http-proxy call on sockets. Silence is this stream's own business.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  destroySoon(): void {
    if (this.writable) this.end(() => this.destroy());
    else this.destroy();
  }

  override _read(): void {
    this.#used();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#core.write(chunk);
    this.#writer = done;
    this.#flush();
  }

  override _final(done: () => void): void {
    this.#core.end();
    this.#flush();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#timer);
    clearTimeout(this.#settling);
    this.#writer = undefined;
    // Where it is away, it comes back once more for this.
    if (this.#socket) this.#limit(this.#socket);
    if (this.#socket && this.#agreed) this.#farewell(this.#socket);
    done(error);
  }

  /**
   * The agent is told, so that the app's side does not wait for nobody; what was written before still goes. It answers by
   * closing; without that it may not have heard, and is told once more over the next connection.
   */
  #farewell(socket: TLSSocket): void {
    socket.once('end', () => {
      this.#parted = true;
    });
    for (let frame = this.#core.next(); frame; frame = this.#core.next()) socket.write(frame);
    socket.write(frameOf('x', Buffer.from('{}')));
  }

  /** After the end nothing else watches a connection. */
  #limit(socket: TLSSocket): void {
    setTimeout(() => socket.destroy(), this.#patience.answerMs).unref();
  }

  #attach(socket: TLSSocket): void {
    this.#socket = socket;
    this.#heard = Date.now();
    this.#attachedAt = this.#heard;
    this.#askedAt = undefined;
    if (this.destroyed) this.#limit(socket);
    const reader = new FrameReader();
    socket.on('data', (part: Buffer) => {
      if (this.#parted || socket !== this.#socket) return;
      this.#heard = Date.now();
      this.#askedAt = undefined;
      try {
        reader.feed(part);
        for (let frame = reader.next(); frame && !this.#parted; frame = reader.next()) this.#take(frame, socket);
        if (!this.destroyed) this.#used();
      } catch (error) {
        socket.destroy();
        // whatever the agent sent: it ends its own stream, never this process
        if (!(error instanceof StreamFault)) this.destroy(agentFault('sent what nobody understands', true, error));
      }
    });
    socket.on('drain', () => this.#flush());
    socket.on('error', () => {});
    // The end of a tunnel may arrive as an end alone.
    socket.once('end', () => setImmediate(() => socket.destroy()));
    socket.once('close', () => this.#cut(socket));
    const hello = { stream: this.#name, received: this.#core.received, known: this.#known };
    socket.write(frameOf('o', Buffer.from(JSON.stringify(hello))));
    this.#flush();
  }

  #take(frame: Frame, socket: TLSSocket): void {
    if (frame.kind === 'o') {
      const first = !this.#agreed;
      if (first) this.#core.resume(number(wordsOf(frame).received) ?? -1);
      this.#agreed = this.#known = true;
      if (first && this.destroyed) this.#farewell(socket);
      else this.#flush();
    } else if (frame.kind === 'x') {
      this.#parted = true;
      socket.destroy();
      this.destroy(refusal(wordsOf(frame)));
    } else if (!this.destroyed) {
      const data = this.#core.take(frame);
      if (data !== undefined) this.push(data);
      if (frame.kind === 'e') this.push(null);
    }
  }

  /** Acknowledges what has left this end for its reader; a little of it only after a while. */
  #used(): void {
    this.#core.usedUpTo(this.#core.received - this.readableLength);
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      this.#core.usedUpTo(this.#core.received - this.readableLength);
      this.#core.settle();
      this.#flush();
    }, this.#patience.settleMs).unref();
    this.#flush();
  }

  #flush(): void {
    const socket = this.#socket;
    while (socket && this.#agreed && !this.destroyed && !socket.destroyed && !socket.writableNeedDrain) {
      const frame = this.#core.next();
      if (frame === undefined) break;
      socket.write(frame);
    }
    const writer = this.#writer;
    if (writer && this.#core.room() > 0) {
      this.#writer = undefined;
      writer();
    }
  }

  #tick(): void {
    const { tickMs, quietMs, answerMs, wokenMs } = this.#patience;
    const now = Date.now();
    // By the clock on the wall: on some systems timers stand still while the machine sleeps, on others they do not.
    const woken = now - this.#ticked > 4 * tickMs;
    this.#ticked = now;
    // where it was set back, silence begins anew (SECURITY F-46)
    this.#heard = Math.min(this.#heard, now);
    const socket = this.#socket;
    if (!socket) return;
    if (woken || (this.#askedAt === undefined && now - this.#heard > quietMs)) {
      this.#askedAt = now;
      this.#answerMs = woken ? wokenMs : answerMs;
      socket.write(frameOf('p'));
    } else if (this.#askedAt !== undefined && now - this.#askedAt > this.#answerMs) socket.destroy();
  }

  #cut(socket: TLSSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#agreed = false;
    // told over two connections in vain: an agent that wants to keep it does so alone
    if (this.destroyed) this.#parted ||= ++this.#cuts > 1;
    if (this.#parted) return;
    this.#awaySince = Date.now();
    this.#brief = this.#awaySince - this.#attachedAt < this.#patience.pauseMs ? this.#brief + 1 : 0;
    void this.#comeBack();
  }

  async #comeBack(): Promise<void> {
    const { pauseMs, awayMs } = this.#patience;
    for (let attempt = this.#brief; ; attempt++) {
      if (attempt > 0) await pause(Math.min(pauseMs, 50 * 2 ** attempt));
      const socket = await this.#again();
      if (socket) {
        this.#attach(socket);
        return;
      }
      if (Date.now() - this.#awaySince > awayMs) {
        this.#parted = true;
        this.destroy(agentFault('could not be reached for half an hour', true));
        return;
      }
    }
  }
}

/** The stream is over, and with it the WebSocket: a page then makes a new one. Where the agent is full, later. */
function refusal(words: Record<string, unknown>): HpcbinderError {
  const why = harmless(text(words.error) ?? 'no reason').slice(0, 300);
  return agentFault(`refused a WebSocket: ${why}`, words.why !== 'full');
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms).unref());
