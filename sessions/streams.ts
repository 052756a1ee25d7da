/**
 * The client of numbered streams (docs/adr/0004): a connection to the app that outlives the tunnel. Where the tunnel is cut
 * the stream waits, and goes on over the next one with the byte at which it stopped; its user sees a pause.
 */
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type ClientSecrets, type Connect, secured } from './control.ts';
import { NumberedStream } from './numbered-stream.ts';
import { PATIENCE, type Patience } from './stream-patience.ts';

const PROTOCOL = 'hb-stream/1';

/** A numbered stream to the session's app, or a plain connection where the agent is of a version that has none. */
export async function openStream(
  connect: Connect,
  session: string,
  secrets: ClientSecrets,
  patience: Partial<Patience> = {},
): Promise<Duplex> {
  const all = { ...PATIENCE, ...patience };
  const first = await secured(connect, session, secrets, [PROTOCOL, 'http/1.1']);
  if (first.alpnProtocol !== PROTOCOL) return first;
  const again = () => inTime(secured(connect, session, secrets, [PROTOCOL]), all.attemptMs);
  return new NumberedStream(first, again, all);
}

/** undefined where it failed or came too late; what comes late is closed. */
async function inTime(opening: Promise<TLSSocket>, ms: number): Promise<TLSSocket | undefined> {
  let late = false;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      late = true;
      resolve(undefined);
    }, ms);
  });
  const opened = opening.then(
    (socket) => {
      if (late) socket.destroy();
      return socket;
    },
    () => undefined,
  );
  try {
    return await Promise.race([opened, limit]);
  } finally {
    clearTimeout(timer);
  }
}
