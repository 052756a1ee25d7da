/** A connection from this machine, to a port or a Unix socket. */
import { connect, type Socket } from 'node:net';
import type { Endpoint } from '../core/transport.ts';
import { TIMED_OUT, within } from './deadline.ts';
import { agentFault } from './faults.ts';

const CONNECT_MS = 20_000;

/** E-AGENT where nobody answers there in time; `by` says in messages who tried. */
export async function dial(to: Endpoint, by: string): Promise<Socket> {
  const socket = 'socketPath' in to ? connect(to.socketPath) : connect(to.port, to.host);
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  try {
    if ((await within(CONNECT_MS, opened)) === TIMED_OUT) throw new Error('timed out');
  } catch (cause) {
    socket.destroy();
    throw agentFault(to, by, cause);
  }
  return socket;
}
