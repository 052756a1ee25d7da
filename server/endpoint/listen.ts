/** Where the endpoint listens: TCP, with our own TLS or behind a reverse proxy, or a socket that the proxy may open. */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:tls';
import { HpcbinderError } from '../../core/errors.ts';
import type { Front } from '../front.ts';
import { type Listening, listenOnSocket } from '../listen.ts';
import type { Policy } from '../policy/index.ts';

export type { Listening } from '../listen.ts';

/** E-POLICY where the address is taken, or the certificate cannot be read. */
export async function listenAt(where: Policy['listen'], tls: Policy['tls'], front: Front): Promise<Listening> {
  const server = front.server();
  if ('path' in where) return listenOnSocket(server, where.path, 0, true);
  const outer = tls === undefined ? server : secured(server, tls);
  await new Promise<void>((resolve, reject) => {
    outer.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new HpcbinderError('E-POLICY', {
          message: `cannot listen at ${where.host}:${where.port} (${cause.code ?? cause.message})`,
          hint: 'Another program may listen there, or the address is not of this machine: listen: HOST:PORT.',
          cause,
        }),
      ),
    );
    outer.listen(where.port, where.host, resolve);
  });
  const address = outer.address();
  const port = typeof address === 'object' && address !== null ? address.port : where.port;
  return { port, close: () => new Promise((resolve) => outer.close(() => resolve())) };
}

/** Decrypted connections are the HTTP server's; it never listens itself. */
function secured(server: Server, files: { cert: string; key: string }) {
  const outer = createServer({ ...read(files), minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] }, (socket) =>
    server.emit('connection', socket),
  );
  outer.on('tlsClientError', (_error, socket) => socket.destroy());
  return outer;
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
