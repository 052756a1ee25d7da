/**
 * The keeper: a process that holds one login for a while after the command that made it, so that the next one asks nobody.
 * To its clients it is an OpenSSH master (control.ts); it ends when nobody has used it for so long, when it is told to, or
 * when the connection is gone. Its socket lies in a directory that only its user can enter.
 */
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { Message, Messages, text, u32 } from '../channels/words.ts';
import { endMaster, LONGEST_REQUEST, MUX, proxyTo, VERSION } from './control.ts';
import type { Place } from './directory.ts';
import { Router } from './router.ts';

export type Kept = {
  place: Place;
  /** `user@host`, for `logout` */
  label: string;
  /** a person was needed for it: it is never made anew without one */
  attended: boolean;
  /** seconds without a user */
  keepS: number;
};

const LOOK_MS = 1_000;
const REQUEST_MS = 10_000;

/** Returns when the login is over and its socket gone; false: there was no master to keep. */
export async function keepLogin(kept: Kept): Promise<boolean> {
  const { place } = kept;
  const master = await proxyTo(place.master);
  if (master === undefined) return false;
  const router = new Router(master.socket);
  const users = new Set<Socket>();
  let { keepS } = kept;
  let usedAt = Date.now();
  let over = () => {};
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  const server = createServer((client) => {
    client.on('error', () => undefined);
    serve(client, kept, {
      proxy: () => {
        users.add(client);
        client.once('close', () => {
          users.delete(client);
          usedAt = Date.now();
        });
        router.join(client);
      },
      keep: (seconds) => {
        keepS = Math.min(keepS, seconds);
      },
      terminate: over,
    });
  });
  process.umask(0o077);
  rmSync(place.keeper, { force: true });
  server.listen(place.keeper);
  server.on('error', over);
  master.socket.once('close', over);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, over);
  process.on('SIGHUP', () => undefined);
  // the clock on the wall: a machine that slept is not to wake up logged in
  const timer = setInterval(() => {
    if (users.size === 0 && Date.now() - usedAt >= keepS * 1000) over();
  }, LOOK_MS);
  await ended;
  clearInterval(timer);
  server.close();
  for (const user of users) user.destroy();
  await endMaster(place.master).catch(() => false);
  master.socket.destroy();
  rmSync(place.keeper, { force: true });
  return true;
}

type Verbs = { proxy(): void; keep(seconds: number): void; terminate(): void };

/** PROTOCOL.mux, the other end: a hello, then one request. */
function serve(client: Socket, kept: Kept, verbs: Verbs): void {
  const messages = new Messages(LONGEST_REQUEST);
  const late = setTimeout(() => client.destroy(), REQUEST_MS).unref();
  client.once('close', () => clearTimeout(late));
  const answer = (type: number, ...body: Buffer[]) => client.write(text(Buffer.concat([u32(type), ...body])));
  const about = [text('label'), text(kept.label), text('attended'), text(kept.attended ? 'yes' : 'no')];
  answer(MUX.hello, u32(VERSION), ...about);
  client.on('data', function onData(chunk: Buffer) {
    try {
      for (const bytes of messages.feed(chunk)) {
        const message = new Message(bytes);
        const type = message.u32();
        if (type === MUX.hello) continue;
        clearTimeout(late);
        const id = u32(message.u32());
        if (type === MUX.aliveCheck) answer(MUX.alive, id, u32(process.pid));
        else if (type === MUX.keep) {
          verbs.keep(message.u32());
          answer(MUX.ok, id);
        } else if (type === MUX.terminate) {
          answer(MUX.ok, id);
          verbs.terminate();
        } else if (type === MUX.proxy) {
          client.off('data', onData);
          client.pause();
          answer(MUX.proxying, id);
          verbs.proxy();
        } else answer(MUX.failure, id, text('not known here'));
      }
    } catch {
      client.destroy();
    }
  });
}
