/** A channel of the SSH connection protocol (RFC 4254 section 5) as a stream, with its window in both directions. */
import { Duplex, Readable } from 'node:stream';
import { flag, type Message, text, u32 } from './words.ts';

/** What we take before we have read it; OpenSSH has the same (CHAN_SES_WINDOW_DEFAULT). */
export const WINDOW = 2 << 20;
export const MAX_PACKET = 32 * 1024;

export const SENT = { adjust: 93, data: 94, extended: 95, eof: 96, close: 97, request: 98, yes: 99, no: 100 } as const;
const STDERR = 1;

export type Exit = { kind: 'exit'; code: number } | { kind: 'signal'; name: string };

export class Channel extends Duplex {
  readonly stderr: Readable = new Readable({ read: () => this.#credit('err') });
  /** what the other side told of the end of its program; undefined: the channel closed without a word */
  readonly exit: Promise<Exit | undefined>;
  readonly #send: (type: number, ...body: Buffer[]) => void;
  readonly #forget: () => void;
  #tellExit: (exit: Exit | undefined) => void = () => {};
  #room: number;
  readonly #packet: number;
  /** read by us and not yet given back to their window */
  #owed = 0;
  #flowing = { out: true, err: true };
  #unsent: { data: Buffer; done: (error?: Error | null) => void } | undefined;
  #asked: ((yes: boolean) => void)[] = [];
  #ended = false;
  #closeSent = false;

  /** `send` writes one message of this channel; `forget` is called when both sides have closed it. */
  constructor(how: { room: number; packet: number; send(type: number, ...body: Buffer[]): void; forget: () => void }) {
    // both streams may end long before the program does
    super({ autoDestroy: false });
    this.#room = how.room;
    this.#packet = how.packet;
    this.#send = how.send;
    this.#forget = how.forget;
    this.exit = new Promise((resolve) => {
      this.#tellExit = resolve;
    });
  }

  /** True: the other side does it. */
  request(name: string, ...body: Buffer[]): Promise<boolean> {
    this.#send(SENT.request, text(name), flag(true), ...body);
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  tell(name: string, ...body: Buffer[]): void {
    if (!this.#closeSent) this.#send(SENT.request, text(name), flag(false), ...body);
  }

  /** One message of the other side. */
  hear(type: number, message: Message): void {
    if (type === SENT.adjust) {
      this.#room += message.u32();
      this.#flush();
    } else if (type === SENT.data) this.#came(message.bytes(), 'out');
    else if (type === SENT.extended) {
      if (message.u32() === STDERR) this.#came(message.bytes(), 'err');
    } else if (type === SENT.eof) this.#over();
    else if (type === SENT.close) this.#closed();
    else if (type === SENT.yes || type === SENT.no) this.#asked.shift()?.(type === SENT.yes);
    else if (type === SENT.request) this.#heard(message.text(), message.byte() === 1, message);
  }

  #heard(name: string, wantsAnswer: boolean, message: Message): void {
    if (name === 'exit-status') this.#tellExit({ kind: 'exit', code: message.u32() });
    else if (name === 'exit-signal') this.#tellExit({ kind: 'signal', name: message.text() });
    // also keepalive@openssh.com: any answer is a sign of life
    if (wantsAnswer) this.#send(SENT.no);
  }

  #came(data: Buffer, to: 'out' | 'err'): void {
    if (this.destroyed || data.length === 0) return;
    this.#owed += data.length;
    // a slice of a larger message would hold all of it
    this.#flowing[to] = (to === 'out' ? this : this.stderr).push(Buffer.from(data));
    if (this.#flowing[to]) this.#credit(to);
  }

  #credit(to: 'out' | 'err'): void {
    this.#flowing[to] = true;
    if (!this.#flowing.out || !this.#flowing.err || this.#owed < WINDOW / 4 || this.#closeSent) return;
    this.#send(SENT.adjust, u32(this.#owed));
    this.#owed = 0;
  }

  override _read(): void {
    this.#credit('out');
  }

  override _write(data: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#closeSent) {
      // nobody takes it any more; an error here would also stop the reading of what has come
      done();
      return;
    }
    this.#unsent = { data, done };
    this.#flush();
  }

  #flush(): void {
    const unsent = this.#unsent;
    if (unsent === undefined || this.#closeSent) return;
    while (unsent.data.length > 0 && this.#room > 0) {
      const part = unsent.data.subarray(0, Math.min(this.#room, this.#packet));
      this.#room -= part.length;
      this.#send(SENT.data, text(part));
      unsent.data = unsent.data.subarray(part.length);
    }
    if (unsent.data.length > 0) return;
    this.#unsent = undefined;
    unsent.done();
  }

  override _final(done: (error?: Error | null) => void): void {
    if (!this.#closeSent) this.#send(SENT.eof);
    done();
  }

  #over(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.push(null);
    this.stderr.push(null);
  }

  #closed(): void {
    this.#over();
    this.#tellExit(undefined);
    for (const answer of this.#asked.splice(0)) answer(false);
    this.#sendClose();
    this.#forget();
    // what has come is still read; what was to be sent has nobody to take it
    const unsent = this.#unsent;
    this.#unsent = undefined;
    unsent?.done();
    this.once('end', () => this.destroy());
    if (this.readableEnded) this.destroy();
  }

  #sendClose(): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    this.#send(SENT.close);
  }

  /** The connection under it is gone. */
  lost(cause: Error): void {
    this.#closeSent = true;
    this.#tellExit(undefined);
    for (const answer of this.#asked.splice(0)) answer(false);
    this.destroy(cause);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#sendClose();
    this.#tellExit(undefined);
    this.stderr.destroy();
    this.#unsent?.done(error ?? new Error('closed'));
    this.#unsent = undefined;
    done(error);
  }
}
