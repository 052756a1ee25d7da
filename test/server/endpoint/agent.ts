/**
 * A fake of the job's agent in front of a backend of the test's: real mutual TLS with real certificates of the session, and behind it
 * the bytes as they come. With it the whole endpoint is a rig like the laptop's, and is tried with the same requests.
 */
import { once } from 'node:events';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer as createNet, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { makeCertificates } from '../../../sessions/certificates.ts';
import type { Rig } from '../rig.ts';
import { SESSION, World, type WorldAgent } from './rig.ts';

export type FakeAgent = WorldAgent & Pick<Rig, 'seen' | 'openAtBackend'> & { close(): void };

/** Only whoever has the session's client key gets through to `backend`. */
export async function fakeAgent(backend: Server): Promise<FakeAgent> {
  const seen: Buffer[][] = [];
  const open = new Set<Socket>();
  backend.on('connection', (socket: Socket) => {
    const parts: Buffer[] = [];
    seen.push(parts);
    open.add(socket);
    // A listener for 'data' also makes an http server read its sockets as streams.
    socket.on('data', (part: Buffer) => {
      if (parts.length < 16) parts.push(part);
    });
    socket.on('error', () => {}).on('close', () => open.delete(socket));
  });
  const { ca, server, client } = await makeCertificates(SESSION, 3600);
  const door = createTls(
    {
      ca,
      cert: server.cert,
      key: server.key,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
    },
    (near) => {
      const far = connect((backend.address() as AddressInfo).port, '127.0.0.1');
      near.pipe(far).pipe(near);
      near.on('error', () => far.destroy()).on('close', () => far.destroy());
      far.on('error', () => near.destroy()).on('close', () => near.destroy());
    },
  );
  for (const each of [backend, door]) await once(each.listen(0, '127.0.0.1'), 'listening');
  const { port } = door.address() as AddressInfo;
  return {
    keys: { ca, clientCert: client.cert, clientKey: client.key },
    connect: async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    },
    seen: () => seen.map((parts) => Buffer.concat(parts).toString('latin1')).filter((text) => text !== ''),
    openAtBackend: () => open.size,
    close() {
      for (const socket of open) socket.destroy();
      door.close();
      backend.close();
    },
  };
}

export type EndpointRig = Pick<Rig, 'host' | 'origin' | 'cookie' | 'appToken' | 'seen' | 'openAtBackend' | 'close'> & {
  session: { port: number };
  world: World;
};

/** The endpoint with alice's browser at her session's origin, and `backend` as the session's app. */
export async function endpointRig(backend: Server): Promise<EndpointRig> {
  const agent = await fakeAgent(backend);
  const world = await new World().open(undefined, { agent });
  const alice = await world.signIn('alice');
  const { body } = await world.ask(`/api/v1/sessions/${SESSION}/open`, {
    method: 'POST',
    headers: { ...alice.headers, 'X-Xsrftoken': alice.xsrf ?? '', 'Content-Type': 'application/json' },
    body: '{}',
  });
  const { pathname, search, host, origin } = new URL(JSON.parse(body).url);
  const entered = await world.ask(pathname + search, { headers: { Host: host } });
  return {
    world,
    session: { port: world.port },
    host,
    origin,
    cookie: entered.headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '',
    appToken: world.state.session(SESSION)?.record.secrets.appToken ?? '',
    seen: agent.seen,
    openAtBackend: agent.openAtBackend,
    async close() {
      await world.close();
      agent.close();
    },
  };
}

export const endpointHttpRig = (listener: RequestListener) => endpointRig(createHttp(listener));
export const endpointRawRig = (onConnection: (socket: Socket) => void) => endpointRig(createNet(onConnection));
