/**
 * Several clients over the one proxied connection of OpenSSH's master. They are not connected to the master itself, for
 * there a client that goes away after a tunnel was refused, or while one is being opened, ends the master and all others
 * with it (seen with OpenSSH 9.2: "chan_send_close2: channel 2: no remote_id"; channels.c has the same in 10.2). Only ids
 * of channels are rewritten; windows and data pass as they are.
 */
import type { Socket } from 'node:net';
import { Messages, text, u32 } from '../channels/words.ts';

const OPEN = 90;
const OPENED = 91;
const OPEN_FAILED = 92;
const CLOSE = 97;
const LONGEST = 1 << 20;

type Way = {
  /** undefined: it is gone, and what still comes for it is dropped */
  client: Socket | undefined;
  /** the client's number of the channel, and the server's once it is open */
  own: number;
  remote: number | undefined;
  closed: { here: boolean; there: boolean };
};

export class Router {
  readonly #master: Socket;
  readonly #ways = new Map<number, Way>();
  /** the server's numbers → ours */
  readonly #ids = new Map<number, number>();
  #next = 0;

  /** `master`: of proxyTo, paused. A message that makes no sense ends the side that it came from. */
  constructor(master: Socket) {
    this.#master = master;
    feed(master, (message) => this.#fromMaster(message));
    master.resume();
  }

  /** A client, at the point where channel messages follow. */
  join(client: Socket): void {
    feed(client, (message) => this.#fromClient(client, message));
    client.once('close', () => this.#leave(client));
    client.resume();
  }

  #fromClient(client: Socket, message: Buffer): void {
    const type = message.readUInt8(1);
    if (type === OPEN) {
      const at = 2 + 4 + message.readUInt32BE(2);
      const id = this.#next++;
      this.#ways.set(id, {
        client,
        own: message.readUInt32BE(at),
        remote: undefined,
        closed: { here: false, there: false },
      });
      this.#master.write(text(Buffer.concat([message.subarray(0, at), u32(id), message.subarray(at + 4)])));
      return;
    }
    const id = this.#ids.get(message.readUInt32BE(2));
    const way = id === undefined ? undefined : this.#ways.get(id);
    if (id === undefined || way?.client !== client) return;
    if (type === CLOSE) this.#closed(id, way, 'here');
    this.#master.write(text(message));
  }

  #fromMaster(message: Buffer): void {
    const type = message.readUInt8(1);
    if (type < OPEN) return;
    const id = message.readUInt32BE(2);
    const way = this.#ways.get(id);
    if (way === undefined) return;
    if (type === OPENED) {
      way.remote = message.readUInt32BE(6);
      this.#ids.set(way.remote, id);
      if (way.client === undefined) this.#close(id, way);
    } else if (type === OPEN_FAILED) this.#ways.delete(id);
    else if (type === CLOSE) this.#closed(id, way, 'there');
    way.client?.write(text(Buffer.concat([message.subarray(0, 2), u32(way.own), message.subarray(6)])));
  }

  #leave(client: Socket): void {
    for (const [id, way] of this.#ways) {
      if (way.client !== client) continue;
      way.client = undefined;
      if (way.remote !== undefined && !way.closed.here) this.#close(id, way);
    }
  }

  #close(id: number, way: Way): void {
    this.#master.write(text(Buffer.concat([Buffer.from([0, CLOSE]), u32(way.remote ?? 0)])));
    this.#closed(id, way, 'here');
  }

  #closed(id: number, way: Way, side: 'here' | 'there'): void {
    way.closed[side] = true;
    if (!way.closed.here || !way.closed.there) return;
    this.#ways.delete(id);
    this.#ids.delete(way.remote ?? -1);
  }
}

function feed(from: Socket, take: (message: Buffer) => void): void {
  const messages = new Messages(LONGEST);
  from.on('data', (chunk: Buffer) => {
    try {
      for (const message of messages.feed(chunk)) take(message);
    } catch (cause) {
      from.destroy(cause as Error);
    }
  });
  from.on('error', () => undefined);
}
