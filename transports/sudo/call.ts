/** One command of a helper, seen from here: streams with a window in each direction, and an end. */
import { constants } from 'node:os';
import { PassThrough, Writable } from 'node:stream';
import type { Ended } from '../../core/command.ts';
import type { RemoteProcess } from '../../core/transport.ts';
import { CHUNK, type Kind, WINDOW } from './frames.ts';

type Send = (kind: Kind, payload?: Uint8Array | string) => void;

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name.slice(3)]));

export class Call implements RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: PassThrough;
  readonly stderr: PassThrough;
  readonly ended: Promise<Ended>;
  #settle: (ended: Ended) => void = () => {};
  readonly #send: Send;
  #over = false;
  #room = WINDOW;
  #waiting: (() => void) | undefined;
  readonly #outputs: ReadonlyMap<string, { stream: PassThrough; feed(data: Buffer): void }>;

  constructor(send: Send) {
    this.#send = send;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.stdin = this.#input();
    const [out, err] = [this.#output('o'), this.#output('e')];
    this.stdout = out.stream;
    this.stderr = err.stream;
    this.#outputs = new Map([
      ['o', out],
      ['e', err],
    ]);
  }

  /** What the helper says of this call: output, room for input, its end. True: nothing more will come. */
  hear(kind: string, payload: Buffer): boolean {
    if (kind === 'c') {
      this.#room += payload.readUInt32BE(0);
      this.#go();
    } else if (kind === 'x') this.end(endOf(payload));
    else if (payload.length > 0) this.#outputs.get(kind)?.feed(payload);
    else this.#outputs.get(kind)?.stream.end();
    return this.#over && this.stdout.writableEnded && this.stderr.writableEnded;
  }

  /** No more input is taken; output that is on its way still comes. */
  end(ended: Ended): void {
    this.#over = true;
    this.#settle(ended);
    this.stdin.destroy();
    this.#go();
  }

  /** The helper is gone: nothing more will come. */
  lose(cause: unknown): void {
    this.end({ kind: 'lost', cause });
    this.stdout.end();
    this.stderr.end();
  }

  /** There are no terminals. */
  resize(): void {}

  kill(signal: 'TERM' | 'INT' | 'HUP' | 'KILL'): void {
    if (!this.#over) this.#send('k', signal);
  }

  #go(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  #input(): Writable {
    let told = false;
    const end = () => {
      if (!told && !this.#over) this.#send('i');
      told = true;
    };
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        let at = 0;
        const some = () => {
          while (at < chunk.length && this.#room > 0 && !this.#over) {
            const part = chunk.subarray(at, at + Math.min(CHUNK, this.#room));
            this.#room -= part.length;
            at += part.length;
            this.#send('i', part);
          }
          if (at < chunk.length && !this.#over) this.#waiting = some;
          else done();
        };
        some();
      },
      final: (done) => {
        end();
        done();
      },
      destroy: (error, done) => {
        end();
        done(error);
      },
    });
    stream.on('error', () => undefined);
    return stream;
  }

  /** Room is given back once what came has been read here, so that a slow reader holds up its own command alone. */
  #output(kind: 'o' | 'e') {
    const stream = new PassThrough({ highWaterMark: CHUNK });
    let owed = 0;
    const give = () => {
      if (owed > 0) {
        const room = Buffer.alloc(5);
        room.write(kind, 0, 'latin1');
        room.writeUInt32BE(owed, 1);
        this.#send('c', room);
      }
      owed = 0;
    };
    stream.on('drain', give);
    stream.on('close', give);
    stream.on('error', () => undefined);
    const feed = (data: Buffer) => {
      owed += data.length;
      if (stream.destroyed || stream.write(data)) give();
    };
    return { stream, feed };
  }
}

function endOf(payload: Buffer): Ended {
  const [exited, status] = JSON.parse(payload.toString('utf8')) as [boolean, number];
  return exited ? { kind: 'exit', code: status } : { kind: 'signal', name: SIGNALS.get(status) ?? String(status) };
}
