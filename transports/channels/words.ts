/** The data types of RFC 4251 section 5, as far as the control socket and its channels need them. Pure. */
import { HpcbinderError } from '../../core/errors.ts';

function garbled(what: string): HpcbinderError {
  return new HpcbinderError('E-SSH-LOST', {
    message: `the ssh that keeps the login sends what makes no sense: ${what}`,
  });
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([u32(bytes.length), bytes]);
}

export function flag(value: boolean): Buffer {
  return Buffer.from([value ? 1 : 0]);
}

/** Reads one message from its beginning. E-SSH-LOST where it is shorter than it says. */
export class Message {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  bytes(): Buffer {
    const length = this.u32();
    if (length > this.#bytes.length - this.#at) throw garbled('a string longer than its message');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.bytes().toString('utf8');
  }
}

/** Cuts a stream into messages of `uint32 length, bytes`. E-SSH-LOST for one over `longest` bytes. */
export class Messages {
  #held: Buffer[] = [];
  #size = 0;
  readonly #longest: number;

  constructor(longest: number) {
    this.#longest = longest;
  }

  feed(chunk: Buffer): Buffer[] {
    this.#held.push(chunk);
    this.#size += chunk.length;
    const found: Buffer[] = [];
    for (let length = this.#next(); length !== undefined; length = this.#next()) {
      const all = this.#all();
      found.push(all.subarray(4, 4 + length));
      this.#held = all.length > 4 + length ? [all.subarray(4 + length)] : [];
      this.#size -= 4 + length;
    }
    return found;
  }

  /** The length of the next message, once all of it is here. */
  #next(): number | undefined {
    if (this.#size < 4) return undefined;
    const first = this.#held[0];
    const length = (first !== undefined && first.length >= 4 ? first : this.#all()).readUInt32BE(0);
    if (length > this.#longest) throw garbled(`a message of ${length} bytes`);
    return this.#size >= 4 + length ? length : undefined;
  }

  #all(): Buffer {
    const all = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held);
    this.#held = [all];
    return all;
  }
}
