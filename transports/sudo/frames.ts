/** Frames between the endpoint and as-user.py: kind (1 byte), call (4), length (4, big endian), payload (docs/adr/0006). */
import { HpcbinderError } from '../../core/errors.ts';

export type Kind = 's' | 'i' | 'k' | 'c' | 'h' | 'o' | 'e' | 'x';
export type Frame = { kind: string; call: number; payload: Buffer };

/** What one call may have on its way unread, in each direction. As in as-user.py. */
export const WINDOW = 1 << 18;
/** The longest payload but for that of `s`. */
export const CHUNK = 1 << 16;
export const LONGEST_START = 1 << 19;

const HEAD = 9;

export function frameOf(kind: Kind, call: number, payload: Uint8Array | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const frame = Buffer.allocUnsafe(HEAD + body.length);
  frame.write(kind, 0, 'latin1');
  frame.writeUInt32BE(call, 1);
  frame.writeUInt32BE(body.length, 5);
  frame.set(body, HEAD);
  return frame;
}

/** Chunks in, whole frames out. Throws at a length that no frame has: what follows cannot be read any more. */
export class FrameReader {
  #held: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): Frame[] {
    this.#held = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    const frames: Frame[] = [];
    let at = 0;
    while (this.#held.length - at >= HEAD) {
      const length = this.#held.readUInt32BE(at + 5);
      if (length > CHUNK) throw new HpcbinderError('E-REMOTE', { message: `a frame of ${length} bytes` });
      if (this.#held.length - at < HEAD + length) break;
      const payload = this.#held.subarray(at + HEAD, at + HEAD + length);
      frames.push({ kind: this.#held.toString('latin1', at, at + 1), call: this.#held.readUInt32BE(at + 1), payload });
      at += HEAD + length;
    }
    this.#held = this.#held.subarray(at);
    return frames;
  }
}
