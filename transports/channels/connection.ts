/**
 * The SSH connection protocol (RFC 4254), framed as OpenSSH's master does in proxy mode: over its control socket, or a
 * relay's stdin and stdout. Channels are opened by us, none by the other side.
 */
import type { Readable, Writable } from 'node:stream';
import { Channel, MAX_PACKET, WINDOW } from './channel.ts';
import { Message, Messages, text, u32 } from './words.ts';

const OPEN = 90;
const OPENED = 91;
const OPEN_FAILED = 92;
/** global requests, and what else a server may send to nobody in particular */
const FIRST_OF_CHANNELS = 90;
const LONGEST = 1 << 20;

/** RFC 4254 section 5.1 */
const REASONS = ['', 'administratively prohibited', 'connect failed', 'unknown channel type', 'resource shortage'];

/** `input` paused; `end` closes both ways. */
export type Line = { input: Readable; output: Writable; end(): void };

type Opening = { done(channel: Channel): void; failed(error: Error): void };

export class Connection {
  readonly closed: Promise<void>;
  readonly #line: Line;
  #over = false;
  readonly #channels = new Map<number, Channel>();
  readonly #opening = new Map<number, Opening>();
  #next = 0;
  #heard = 0;

  constructor(line: Line) {
    this.#line = line;
    const { input, output } = line;
    const messages = new Messages(LONGEST);
    input.on('data', (chunk: Buffer) => {
      this.#heard++;
      try {
        for (const bytes of messages.feed(chunk)) this.#take(bytes);
      } catch {
        line.end();
      }
    });
    output.on('error', () => undefined);
    input.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      const over = () => {
        if (this.#over) return;
        this.#over = true;
        const cause = new Error('the connection is lost');
        for (const { failed } of this.#opening.values()) failed(cause);
        this.#opening.clear();
        for (const channel of [...this.#channels.values()]) channel.lost(cause);
        this.#channels.clear();
        resolve();
      };
      input.once('end', over);
      input.once('close', over);
    });
    input.resume();
  }

  /** grows with each sign of life */
  get heard(): number {
    return this.#heard;
  }

  /** Asks the server for one, on any channel: it refuses what it does not know (RFC 4254 section 5.4). */
  ping(): void {
    const [channel] = this.#channels.values();
    void channel?.request('keepalive@openssh.com');
  }

  get over(): boolean {
    return this.#over;
  }

  /** Rejects with the server's words, the reason in front as RFC 4254 names it. */
  open(type: string, ...body: Buffer[]): Promise<Channel> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#opening.set(id, { done: resolve, failed: reject });
      this.#send(OPEN, text(type), u32(id), u32(WINDOW), u32(MAX_PACKET), ...body);
    });
  }

  end(): void {
    this.#line.end();
  }

  /** A byte of padding length, always 0, and the type: what stays of SSH's packets in proxy mode. */
  #send(type: number, ...body: Buffer[]): void {
    if (!this.#over && this.#line.output.writable)
      this.#line.output.write(text(Buffer.concat([Buffer.from([0, type]), ...body])));
  }

  #take(bytes: Buffer): void {
    const type = bytes.readUInt8(1);
    if (type < FIRST_OF_CHANNELS) return;
    const message = new Message(bytes.subarray(2));
    const id = message.u32();
    const opening = this.#opening.get(id);
    if (!opening) this.#channels.get(id)?.hear(type, message);
    else if (type === OPENED) {
      this.#opening.delete(id);
      opening.done(this.#channel(id, message.u32(), message));
    } else if (type === OPEN_FAILED) {
      this.#opening.delete(id);
      const reason = message.u32();
      opening.failed(Object.assign(new Error(`${REASONS[reason] ?? 'refused'}: ${message.text()}`), { reason }));
    }
  }

  #channel(id: number, theirs: number, message: Message): Channel {
    const channel = new Channel({
      room: message.u32(),
      packet: Math.min(message.u32(), MAX_PACKET),
      send: (type, ...body) => this.#send(type, u32(theirs), ...body),
      forget: () => this.#channels.delete(id),
    });
    channel.on('error', () => undefined);
    this.#channels.set(id, channel);
    return channel;
  }
}
