/** Where the proxy can be reached: loopback of both families on one port, or a socket that only its owner can open. */
import { randomInt } from 'node:crypto';
import { lstat, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { HpcbinderError } from '../core/errors.ts';

export type Listening = { port: number; close(): Promise<void> };

/**
 * Connections that the kernel holds until they are taken; it takes the lesser of this and net.core.somaxconn. Of all that come
 * after a start, those over Node's 511 were dropped, and came again after one, three and seven seconds (SECURITY F-52).
 */
export const BACKLOG = 4096;

const ATTEMPTS = 20;
/** sun_path of Linux is 108 bytes with its NUL; macOS has 104 */
const MAX_SOCKET_PATH = 103;

/**
 * Both loopback addresses or none: on the family that we left free another user of the machine could wait for the
 * browser (SECURITY NET-12). The preferred port is tried first, then those that the kernel gives.
 */
export async function listenOnLoopback(makeServer: () => Server, preferred?: number): Promise<Listening> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const four = makeServer();
    const fourFault = await listen(four, { host: '127.0.0.1', port: attempt === 0 ? (preferred ?? 0) : 0 });
    if (fourFault !== undefined) continue;
    const address = four.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const six = makeServer();
    const sixFault = await listen(six, { host: '::1', port, ipv6Only: true });
    if (sixFault === undefined) return { port, close: () => closeAll([four, six]) };
    // A machine without IPv6 has nobody on ::1 either.
    if (sixFault.code === 'EADDRNOTAVAIL' || sixFault.code === 'EAFNOSUPPORT') {
      return { port, close: () => closeAll([four]) };
    }
    await closeAll([four]);
  }
  throw new HpcbinderError('E-INTERNAL', {
    message: `no port of 127.0.0.1 and ::1 could be bound in ${ATTEMPTS} attempts`,
    hint: 'See which limits of this machine forbid to listen on loopback.',
  });
}

/**
 * `port` is the browser's side of `ssh -L port:socket`; one is chosen where none is given. `group`: whoever is of the group of
 * the directory may connect too, if that is setgid: a reverse proxy of another account.
 */
export async function listenOnSocket(
  server: Server,
  path: string,
  port = randomInt(20_000, 60_000),
  group = false,
): Promise<Listening> {
  await checkPlace(path, group);
  // bind(2) happens within listen(); a chmod afterwards would leave the socket open to others for a moment.
  const before = process.umask(group ? 0o117 : 0o177);
  const listened = listen(server, { path });
  process.umask(before);
  const fault = await listened;
  if (fault !== undefined) throw place(path, `cannot be bound (${fault.code ?? fault.message})`);
  return { port, close: () => closeAll([server]) };
}

async function checkPlace(path: string, group: boolean): Promise<void> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) throw place(path, `is longer than ${MAX_SOCKET_PATH} bytes`);
  const directory = await lstat(dirname(path)).catch(() => undefined);
  const ours = directory?.isDirectory() === true && directory.uid === process.getuid?.();
  const closed = ours && (directory.mode & (group ? 0o027 : 0o077)) === 0;
  const mode = group ? '0700, or 2750 with the group of the reverse proxy' : '0700';
  if (!closed) throw place(path, `must lie in a directory of yours with mode ${mode}`);
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return;
  if (!there.isSocket()) throw place(path, 'exists and is no socket');
  if (await answers(path)) throw place(path, 'is served by another process');
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
}

function place(path: string, what: string): HpcbinderError {
  return new HpcbinderError('E-USAGE', { message: `the socket ${path} ${what}`, hint: 'Choose another place for it.' });
}

function listen(
  server: Server,
  where: { host: string; port: number; ipv6Only?: boolean } | { path: string },
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    server.once('error', resolve);
    server.listen({ ...where, backlog: BACKLOG }, () => {
      server.off('error', resolve);
      resolve(undefined);
    });
  });
}

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
}
