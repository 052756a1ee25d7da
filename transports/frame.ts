/** Finding our marks in streams that others may have written into before us. */
import { Transform, type TransformCallback } from 'node:stream';

/** How much noise is kept to show who made it. */
const NOISE = 4096;

/**
 * Passes on what comes after the line that holds the mark. `began` settles with the rest of that line, or with
 * undefined when the stream ended without one; `noise` is the last of what came before.
 */
export class AfterMark extends Transform {
  readonly began: Promise<string | undefined>;
  #held: Buffer = Buffer.alloc(0);
  #open = false;
  #settle: (rest: string | undefined) => void = () => {};
  readonly #mark: string;

  constructor(mark: string) {
    super();
    this.#mark = mark;
    this.began = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get noise(): string {
    return this.#open ? '' : this.#held.toString('utf8');
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    if (this.#open) {
      done(null, chunk);
      return;
    }
    this.#held = Buffer.concat([this.#held, chunk]);
    const at = this.#held.indexOf(this.#mark);
    const end = at < 0 ? -1 : this.#held.indexOf(10, at);
    if (end < 0) {
      if (at < 0) this.#held = this.#held.subarray(-NOISE);
      done();
      return;
    }
    this.#open = true;
    const rest = this.#held.subarray(end + 1);
    this.#settle(this.#held.toString('latin1', at + this.#mark.length, end).trim());
    this.#held = Buffer.alloc(0);
    if (rest.length > 0) this.push(rest);
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#settle(undefined);
    done();
  }
}

/**
 * Collects what stands between `mark\n` and `\nmark…\n`, at most `maxBytes` of it. Fed by chunks; what follows the end
 * is left alone, for nothing of ours follows before the next command.
 */
export class Frame {
  readonly #begin: Buffer;
  readonly #end: Buffer;
  readonly #maxBytes: number;
  readonly #parts: Buffer[] = [];
  #kept = 0;
  #state: 'before' | 'inside' | 'over' = 'before';
  #held: Buffer = Buffer.alloc(0);
  /** what followed the end mark on its line: the exit code, on stdout */
  tail = '';
  truncated = false;

  constructor(mark: string, maxBytes: number) {
    this.#begin = Buffer.from(`${mark}\n`);
    this.#end = Buffer.from(`\n${mark}`);
    this.#maxBytes = maxBytes;
  }

  get over(): boolean {
    return this.#state === 'over';
  }

  get begun(): boolean {
    return this.#state !== 'before';
  }

  feed(chunk: Buffer): void {
    if (this.#state === 'over') return;
    this.#held = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    if (this.#state === 'before') {
      const at = this.#held.indexOf(this.#begin);
      if (at < 0) {
        this.#held = this.#held.subarray(-this.#begin.length);
        return;
      }
      this.#state = 'inside';
      this.#held = this.#held.subarray(at + this.#begin.length);
    }
    const at = this.#held.indexOf(this.#end);
    const end = at < 0 ? -1 : this.#held.indexOf(10, at + this.#end.length);
    if (end >= 0) {
      this.#keep(this.#held.subarray(0, at));
      this.tail = this.#held.toString('latin1', at + this.#end.length, end).trim();
      this.#state = 'over';
    } else {
      const safe = at >= 0 ? at : Math.max(0, this.#held.length - this.#end.length);
      this.#keep(this.#held.subarray(0, safe));
      this.#held = this.#held.subarray(safe);
    }
  }

  /** all that was framed, or so far */
  bytes(): Uint8Array {
    if (this.#state === 'inside') this.#keep(this.#held);
    return Buffer.concat(this.#parts);
  }

  #keep(part: Buffer): void {
    const room = this.#maxBytes - this.#kept;
    if (part.length > room) this.truncated = true;
    const kept = part.subarray(0, room);
    if (kept.length > 0) this.#parts.push(Buffer.from(kept));
    this.#kept += kept.length;
  }
}
