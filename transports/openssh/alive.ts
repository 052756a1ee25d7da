/**
 * Is the line alive? ssh's own keepalive cannot be short: its time also ends a login that waits for a push
 * (ssh.c hands both to ssh_packet_set_timeout). Counted in ticks, so that a machine that slept first asks.
 */
import type { Connection } from '../channels/connection.ts';

const TICK_MS = 5_000;
/** ticks without a sign of life: then one is asked for, then the line is given up */
const ASK_AFTER = 2;
const GIVE_UP_AFTER = 9;

/** `dead` is called once, after 45 s of silence although a sign was asked for; stops with the connection. */
export function watchOver(connection: Connection, dead: () => void): void {
  let heard = connection.heard;
  let silent = 0;
  const timer = setInterval(() => {
    silent = connection.heard === heard ? silent + 1 : 0;
    heard = connection.heard;
    if (silent >= ASK_AFTER) connection.ping();
    if (silent < GIVE_UP_AFTER) return;
    clearInterval(timer);
    dead();
  }, TICK_MS).unref();
  void connection.closed.then(() => clearInterval(timer));
}
