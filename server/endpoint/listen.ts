/** Where the endpoint listens: TCP, with our own TLS or behind a reverse proxy, or a socket that the proxy may open. */
import { readFileSync } from 'node:fs';
import { HpcbinderError } from '../../core/errors.ts';
import type { Front } from '../front.ts';
import { Guests } from '../guests.ts';
import { BACKLOG, type Listening, listenOnSocket } from '../listen.ts';
import type { Policy, PolicyFile } from '../policy/index.ts';

export type { Listening } from '../listen.ts';

/** E-POLICY where the address is taken, or the certificate cannot be read. */
export async function listenAt(where: Policy['listen'], tls: Policy['tls'], front: Front): Promise<Listening> {
  if ('path' in where) return listenOnSocket(front.server(), where.path, 0, true);
  const server = tls === undefined ? front.server() : front.secureServer(read(tls));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new HpcbinderError('E-POLICY', {
          message: `cannot listen at ${where.host}:${where.port} (${cause.code ?? cause.message})`,
          hint: 'Another program may listen there, or the address is not of this machine: listen: HOST:PORT.',
          cause,
        }),
      ),
    );
    server.listen({ port: where.port, host: where.host, backlog: BACKLOG }, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : where.port;
  return { port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** A proxy that the policy does not name is told from nobody; on loopback it has the benefit of the doubt. */
export function guestsAt(policy: PolicyFile, log: (line: Record<string, unknown>) => void): Guests {
  const { listen, trustedProxies, tls } = policy.value;
  return new Guests({
    most: () => policy.value.rate.connections,
    trusted: 'path' in listen ? 'unix' : trustedProxies,
    loopbackCounts: tls !== undefined || trustedProxies.length > 0,
    onRefused: (address) => log({ event: 'connections', address, words: 'too many at once: rate.connections' }),
  });
}

function read({ cert, key }: { cert: string; key: string }): { cert: Buffer; key: Buffer } {
  try {
    return { cert: readFileSync(cert), key: readFileSync(key) };
  } catch (cause) {
    throw new HpcbinderError('E-POLICY', {
      message: `the certificate cannot be read: ${(cause as Error).message}`,
      hint: 'tls: {cert: FILE, key: FILE}, readable for the account that runs the endpoint.',
      cause,
    });
  }
}
