/** The TCP connection to the first hop, or why there is none (SECURITY F-18). */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { HpcbinderError } from '../../core/errors.ts';
import { messageOf } from '../faults.ts';
import type { Hop } from './hop.ts';

export const CONNECT_MS = 20_000;
/**
 * For each address of a name but the last: Node tries one after another, and gives the one before up. Its own 250 ms are less than
 * a round trip by satellite or by a phone.
 */
const ADDRESS_MS = 2_000;

/** E-SSH-UNREACHABLE. `stopped`: nobody wants it any more. */
export function socketTo(hop: Pick<Hop, 'host' | 'port'>, stopped: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const address = { host: hop.host, port: hop.port, timeout: CONNECT_MS, noDelay: true };
    const socket = connect({ ...address, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: ADDRESS_MS });
    const stop = () => socket.destroy(new Error('nobody waits for it any more'));
    stopped.addEventListener('abort', stop, { once: true });
    socket.once('close', () => stopped.removeEventListener('abort', stop));
    let silent = 'DNS does not answer';
    socket.once('lookup', () => {
      silent = 'no answer';
    });
    socket.once('connect', () => {
      stopped.removeEventListener('abort', stop);
      socket.setTimeout(0);
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('timeout', () => socket.destroy(new Error(`${silent} within ${CONNECT_MS / 1000} s`)));
    socket.once('error', (error) => reject(unreachable(hop, messageOf(error), error)));
  });
}

/** `cause`, where it is an error of the system, says it better than `why`. */
export function unreachable(hop: Pick<Hop, 'host' | 'port'>, why: string, cause?: unknown): HpcbinderError {
  const words = inWords(cause) ?? why;
  return new HpcbinderError('E-SSH-UNREACHABLE', {
    message: `${hop.host} (port ${hop.port}) cannot be reached: ${words}`,
    hint: words.startsWith('DNS does not answer')
      ? 'Is the network there? A VPN that is needed, or one that is up, may be the reason.'
      : 'Is the name right, is the network there, is a VPN needed?',
    evidence: cause instanceof AggregateError ? cause.errors.map(messageOf) : [],
    transient: true,
    cause,
  });
}

const WORDS = new Map([
  ['ECONNREFUSED', 'nothing listens there'],
  ['ENOTFOUND', 'no such name in DNS'],
  ['EAI_AGAIN', 'DNS does not answer'],
  ['ETIMEDOUT', 'no answer'],
  ['EHOSTUNREACH', 'there is no way to it'],
  ['ENETUNREACH', 'there is no way to it'],
]);

/** Several addresses may each fail in a way of its own: each way once. */
function inWords(cause: unknown): string | undefined {
  const errors: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [cause];
  const words = errors.map((error) => WORDS.get((error as NodeJS.ErrnoException | undefined)?.code ?? ''));
  const known = [...new Set(words.filter((word) => word !== undefined))];
  return known.length === 0 ? undefined : known.join('; ');
}
