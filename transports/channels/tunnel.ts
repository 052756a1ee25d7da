/** A tunnel as a stream, over a Connection. */
import type { Endpoint } from '../../core/transport.ts';
import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import { text, u32 } from './words.ts';

/** Rejects with the server's words. */
export function tunnel(connection: Connection, to: Endpoint): Promise<Channel> {
  // the originator is only for the server's log
  const originator = Buffer.concat([text('127.0.0.1'), u32(0)]);
  return 'socketPath' in to
    ? connection.open('direct-streamlocal@openssh.com', text(to.socketPath), text(''), u32(0))
    : connection.open('direct-tcpip', text(to.host), u32(to.port), originator);
}
