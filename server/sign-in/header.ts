/**
 * The name that a trusted reverse proxy says, in a header. It is believed from exact peers only (SECURITY WEB-11): whoever can
 * connect from such an address can be anybody. On a login node everybody can connect from the node's own addresses, so those
 * need a second header with a secret, or a Unix socket, whose permissions say who connects.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { readSecretFile } from './secret-file.ts';
import type { HeaderOptions } from './types.ts';

/** One value of one person; `;` and `,` are how Shibboleth and proxies join several. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._@+!:/=-]{0,199}$/;
const HEADER = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;

export type HeaderSaid =
  | { said: 'nothing' }
  | { said: 'identity'; identity: string }
  /** it came from elsewhere, without the secret, or is no single name: never to be overlooked */
  | { said: 'refused'; why: string };

export class HeaderSignIn {
  readonly #name: string;
  readonly #from: ReadonlySet<string>;
  readonly #unix: boolean;
  readonly #secret: { header: string; digest: Buffer } | undefined;

  private constructor(options: HeaderOptions, unix: boolean, secret: string | undefined) {
    this.#name = options.name.toLowerCase();
    this.#from = new Set(options.from);
    this.#unix = unix;
    this.#secret =
      options.secret === undefined || secret === undefined
        ? undefined
        : { header: options.secret.header.toLowerCase(), digest: digest(secret) };
  }

  static async create(options: HeaderOptions, unix: boolean): Promise<HeaderSignIn> {
    const secret =
      options.secret === undefined
        ? undefined
        : await readSecretFile(options.secret.file, 'the secret of sign_in.header');
    return new HeaderSignIn(options, unix, secret);
  }

  read(req: IncomingMessage): HeaderSaid {
    const values = req.rawHeaders.filter((_, i) => i % 2 === 1 && req.rawHeaders[i - 1]?.toLowerCase() === this.#name);
    const [value = ''] = values;
    if (values.length === 0) return { said: 'nothing' };
    if (!this.#trusts(req)) return { said: 'refused', why: 'the peer may not say who somebody is' };
    // what a proxy sends for nobody
    if (values.length === 1 && (value === '' || value === '(null)')) return { said: 'nothing' };
    if (values.length > 1) return { said: 'refused', why: 'the header came more than once' };
    return NAME.test(value)
      ? { said: 'identity', identity: value }
      : { said: 'refused', why: 'the value is no single name' };
  }

  #trusts(req: IncomingMessage): boolean {
    // A TCP socket that was closed meanwhile has no address either, so the kind of listener is asked, not the socket.
    const peer = this.#unix ? 'unix' : (req.socket.remoteAddress ?? '').replace(/^::ffff:(?=[0-9.]+$)/, '');
    if (!this.#from.has(peer)) return false;
    if (this.#secret === undefined) return true;
    const sent = req.headers[this.#secret.header];
    return typeof sent === 'string' && timingSafeEqual(digest(sent), this.#secret.digest);
  }
}

/** Why this cannot be safe, or cannot be at all. */
export function headerFault(options: HeaderOptions, unix: boolean): { message: string; hint: string } | undefined {
  const fault = (message: string, hint: string) => ({ message: `sign_in.header: ${message}`, hint });
  if (!HEADER.test(options.name)) return fault(`"${options.name}" is no header's name`, 'Letters, digits and hyphens.');
  if (options.secret !== undefined && !HEADER.test(options.secret.header))
    return fault(`"${options.secret.header}" is no header's name`, 'Letters, digits and hyphens.');
  if (options.from.length === 0)
    return fault('"from" is empty', 'Name the exact addresses of the reverse proxies, or unix.');
  for (const from of options.from) {
    if (from === 'unix') {
      if (!unix) return fault('"from: unix" needs "listen" to be a Unix socket', 'Let both name the same way.');
    } else if (unix || isIP(from) === 0) {
      return fault(
        `"${from}" can be no peer`,
        unix ? 'This endpoint listens on a Unix socket: write unix.' : 'Write an exact IP address.',
      );
    } else if (options.secret === undefined && isOwnAddress(from)) {
      return fault(
        `everybody on this machine can connect from ${from} and say any name`,
        'Listen on a Unix socket that the reverse proxy alone may open ("from: [unix]"), or let the proxy send a secret ("secret").',
      );
    }
  }
  return undefined;
}

/** Can a process of this machine have this address as its own? */
export function isOwnAddress(address: string): boolean {
  const kind = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const own = new BlockList();
  own.addSubnet('127.0.0.0', 8, 'ipv4');
  own.addAddress('::1', 'ipv6');
  for (const each of Object.values(networkInterfaces()).flat())
    if (each !== undefined) own.addAddress(each.address.replace(/%.*/, ''), each.family === 'IPv6' ? 'ipv6' : 'ipv4');
  return own.check(address, kind);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
