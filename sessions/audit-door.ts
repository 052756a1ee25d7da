/** The agent's port, tried by somebody who has no key of the session: each try is a connection of its own. */
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import type { Tried } from './audit.ts';
import { agentName, makeCertificates } from './certificates.ts';
import { type ClientSecrets, type Connect, controlRequest } from './control.ts';

const REQUEST = 'GET /api/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const STATUS = '{"verb":"status"}\n';
/** A door that keeps silent so long lets nobody in; the agent's own deadline for a handshake is 5 s. */
const SILENCE_MS = 8_000;

type Try = { what: string; say: string; tls?: ConnectionOptions };

/** First with the key, to know that the door answers at all. Never throws. */
export async function auditDoor(connect: Connect, session: string, secrets: ClientSecrets): Promise<readonly Tried[]> {
  const what = 'with the key of the session';
  try {
    await controlRequest(connect, session, secrets, { verb: 'status' });
  } catch (error) {
    return [{ what, result: 'not tried', seen: error instanceof Error ? error.message : 'it does not answer' }];
  }
  const tried: Tried[] = [{ what, result: 'note', seen: 'answers, as it must: what follows is compared with that' }];
  for (const each of await tries(session, secrets)) {
    const heard = await knock(connect, each).catch((error: unknown) => String(error));
    const seen = heard === '' ? 'closed without a word' : `${heard.length} bytes came back`;
    tried.push({ what: each.what, result: heard === '' ? 'closed' : 'open', seen });
  }
  return tried;
}

async function tries(session: string, secrets: ClientSecrets): Promise<Try[]> {
  const forged = await makeCertificates(session, 3600);
  const tls = (alpn: string, key?: { cert: string; key: string }): ConnectionOptions => ({
    ALPNProtocols: [alpn],
    servername: agentName(session),
    rejectUnauthorized: false,
    ...key,
  });
  return [
    { what: 'in the clear, HTTP', say: REQUEST },
    { what: 'in the clear, hb/1', say: STATUS },
    { what: 'TLS without a certificate, http/1.1', say: REQUEST, tls: tls('http/1.1') },
    { what: 'TLS without a certificate, hb/1', say: STATUS, tls: tls('hb/1') },
    {
      what: 'TLS with a certificate made here in its name, http/1.1',
      say: REQUEST,
      tls: tls('http/1.1', forged.client),
    },
    { what: 'TLS with a certificate made here in its name, hb/1', say: STATUS, tls: tls('hb/1', forged.client) },
    { what: "TLS with a certificate made here in the agent's name", say: STATUS, tls: tls('hb/1', forged.server) },
    {
      what: 'TLS with the key of the session, a protocol that is none of its two',
      say: REQUEST,
      tls: tls('h2', { cert: secrets.clientCert, key: secrets.clientKey }),
    },
  ];
}

/** What comes back, '' where nothing does. */
async function knock(connect: Connect, { say, tls }: Try): Promise<string> {
  const stream = await connect();
  stream.on('error', () => {});
  const socket: Duplex = tls === undefined ? stream : tlsConnect({ socket: stream, ...tls });
  return await new Promise((resolve) => {
    let heard = '';
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      stream.destroy();
      resolve(heard);
    };
    const timer = setTimeout(end, SILENCE_MS);
    socket.on('data', (data: Buffer) => {
      heard += data.toString('latin1');
      if (heard.length > 4096) end();
    });
    for (const event of ['end', 'close', 'error']) socket.on(event, end);
    socket.write(say);
  });
}
