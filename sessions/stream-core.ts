/**
 * A stream that outlives its connections, without any input or output: both ends count bytes. What was sent is kept until
 * the other end has used it up, and after a cut it is sent again from where the other end stands: nothing is lost, doubled
 * or out of order. sessions/agent/stream_core.py is its twin; docs/agent.md has the frames.
 */
import { type Fields, parseFields } from '../core/json.ts';

export const MOST_FRAME = 256 << 10;
/** What a small piece costs beside its bytes: a million of them must not fill the memory either. */
const PIECE_COST = 128;
const ACK_EVERY = 64 << 10;

/** The other end breaks the protocol. */
export class StreamFault extends Error {}

export type Frame = { kind: string; data: Buffer };

/** 1 byte kind, 4 bytes length (big endian), payload. */
export function frameOf(kind: string, data: Uint8Array = new Uint8Array()): Buffer {
  const made = Buffer.allocUnsafe(5 + data.length);
  made.write(kind, 0, 'latin1');
  made.writeUInt32BE(data.length, 1);
  made.set(data, 5);
  return made;
}

/** A payload of JSON; throws StreamFault where it is no object. */
export function wordsOf({ data }: Frame): Fields {
  const words = parseFields(data.toString('utf8'));
  if (words === undefined) throw new StreamFault('a frame is no JSON object');
  return words;
}

/** Frames out of the pieces in which they arrive. */
export class FrameReader {
  #parts: Buffer[] = [];
  #size = 0;

  feed(part: Buffer): void {
    this.#parts.push(part);
    this.#size += part.length;
  }

  /** undefined while none is whole; throws StreamFault where one is longer than the protocol allows */
  next(): Frame | undefined {
    if (this.#size < 5) return undefined;
    if ((this.#parts[0]?.length ?? 0) < 5) this.#join();
    const size = this.#parts[0]?.readUInt32BE(1) ?? 0;
    if (size > MOST_FRAME) throw new StreamFault('a frame is too long');
    if (this.#size < 5 + size) return undefined;
    const all = this.#join();
    const rest = all.subarray(5 + size);
    this.#parts = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
    return { kind: all.toString('latin1', 0, 1), data: all.subarray(5, 5 + size) };
  }

  #join(): Buffer {
    const all = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#parts = all ? [all] : [];
    return all ?? Buffer.alloc(0);
  }
}

/** One end of a stream. `sends`, `takes`: the most bytes that may be under way, unused, to the other end and from it. */
export class Numbered {
  readonly #sends: number;
  readonly #takes: number;
  /** Bytes from #base on: those sent on this connection, then the others. */
  #behind: Uint8Array[] = [];
  #ahead: Uint8Array[] = [];
  #base = 0;
  #sent = 0;
  #written = 0;
  #usedThere = 0;
  #over = false;
  #overTold = false;
  #received = 0;
  #used = 0;
  #told = 0;
  #owes = false;
  #ended = false;

  constructor(how: { sends: number; takes: number }) {
    this.#sends = how.sends;
    this.#takes = how.takes;
  }

  /** bytes of the other end that are here */
  get received(): number {
    return this.#received;
  }

  /** the other end writes no more */
  get ended(): boolean {
    return this.#ended;
  }

  /** all that was written is used up there */
  get delivered(): boolean {
    return this.#usedThere === this.#written;
  }

  /** How many bytes more may be written now; not above 0: wait. */
  room(): number {
    const kept = PIECE_COST * (this.#behind.length + this.#ahead.length);
    return this.#sends - (this.#written - this.#usedThere) - kept;
  }

  write(data: Uint8Array): void {
    if (data.length === 0) return;
    this.#ahead.push(data);
    this.#written += data.length;
  }

  /** Nothing more is written. */
  end(): void {
    this.#over = true;
  }

  /** A new connection: the other end has `there` bytes of ours; it was told how many we have. */
  resume(there: number): void {
    if (!Number.isInteger(there) || there < this.#base || there > this.#written) {
      throw new StreamFault(`${there} bytes are there, of ${this.#base} to ${this.#written}`);
    }
    this.#ahead = this.#drop([...this.#behind, ...this.#ahead], there);
    this.#behind = [];
    this.#sent = there;
    this.#overTold = false;
    // The last acknowledgement may be among what was lost.
    this.#owes = this.#used > 0;
  }

  /** The next frame to send, its payload of at most `most` bytes. */
  next(most = MOST_FRAME): Buffer | undefined {
    if (this.#owes) {
      this.#owes = false;
      this.#told = this.#used;
      const count = Buffer.alloc(8);
      count.writeBigUInt64BE(BigInt(this.#used));
      return frameOf('a', count);
    }
    const first = this.#ahead[0];
    if (first !== undefined) {
      const piece = first.length > most ? first.subarray(0, most) : first;
      if (piece === first) this.#ahead.shift();
      else this.#ahead[0] = first.subarray(most);
      this.#behind.push(piece);
      this.#sent += piece.length;
      return frameOf('d', piece);
    }
    if (this.#over && !this.#overTold) {
      this.#overTold = true;
      return frameOf('e');
    }
    return undefined;
  }

  /** The pieces from #base without what lies before `upto`, which becomes #base. */
  #drop(pieces: Uint8Array[], upto: number): Uint8Array[] {
    let whole = 0;
    for (const piece of pieces) {
      if (this.#base + piece.length > upto) break;
      this.#base += piece.length;
      whole += 1;
    }
    const rest = pieces.slice(whole);
    if (rest[0] !== undefined && this.#base < upto) {
      rest[0] = rest[0].subarray(upto - this.#base);
      this.#base = upto;
    }
    return rest;
  }

  /** What a frame brings for this end; undefined for none. Throws StreamFault. */
  take({ kind, data }: Frame): Buffer | undefined {
    if (kind === 'd') {
      // who has room for a byte sends a piece
      if (this.#ended || this.#received + data.length - this.#told > this.#takes + MOST_FRAME) {
        throw new StreamFault('more was sent than there is room for');
      }
      this.#received += data.length;
      return data;
    }
    if (kind === 'a' && data.length === 8) {
      const used = Number(data.readBigUInt64BE());
      if (used < this.#usedThere || used > this.#sent) {
        throw new StreamFault(`${used} bytes are used there, of ${this.#sent} sent`);
      }
      this.#usedThere = used;
      this.#behind = this.#drop(this.#behind, used);
    } else if (kind === 'p') this.#owes = true;
    else if (kind === 'e') this.#ended = true;
    else throw new StreamFault('a frame of an unknown kind');
    return undefined;
  }

  /** This end has used up so many of the bytes that it took, all in all. */
  usedUpTo(count: number): void {
    this.#used = Math.max(this.#used, count);
    if (this.#used - this.#told >= Math.min(ACK_EVERY, this.#takes / 2)) this.#owes = true;
  }

  /** Now and then: the last few bytes are acknowledged too. */
  settle(): void {
    if (this.#used > this.#told) this.#owes = true;
  }
}
