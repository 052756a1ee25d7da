/**
 * The client of the agent: mutual TLS over any stream, ALPN `http/1.1` for the app and `hb/1` for control. The protocol is
 * written down at the top of sessions/agent/control.py; sessions/frames.ts has its terminal and its file copies.
 */
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { HpcbinderError } from '../core/errors.ts';
import { type Fields, parseFields } from '../core/json.ts';
import type { SaveReport, SessionSecrets } from '../core/session.ts';
import { harmless } from '../core/text.ts';
import { agentName } from './certificates.ts';

export type Connect = () => Promise<Duplex>;
export type ClientSecrets = Pick<SessionSecrets, 'ca' | 'clientCert' | 'clientKey'>;

export type ControlRequest =
  | { verb: 'status' }
  /** puts off the end for idleness */
  | { verb: 'use'; seconds?: number }
  /** `now`: open pages are not asked to save first */
  | { verb: 'stop'; why: 'stopped'; now?: boolean }
  /** the scheduler has moved the job's end; epoch seconds */
  | { verb: 'ends'; at: number }
  | { verb: 'notices' }
  | ({ verb: 'shell'; argv?: readonly string[] } & (
      | { terminal?: true; rows: number; cols: number; term?: string }
      | { terminal: false }
    ))
  /** the agent's look at its node, for texts that nobody else may see; `shared`: folders in the place of /tmp and its like */
  | { verb: 'audit'; secrets: Readonly<Record<string, string>>; shared?: readonly string[] }
  | { verb: 'get'; path: string }
  /** `name`: that of the file, where `path` turns out to be a directory */
  | { verb: 'put'; path: string; kind: 'file' | 'directory'; mode: number; name?: string };

export type AgentStatus = {
  ready: boolean;
  appVersion: string | null;
  /** epoch seconds by the cluster's clock */
  idleSince: number;
  busyKernels: number;
  startedAt: number;
  endsAt: number;
  now: number;
  figures: {
    cpuSeconds?: number;
    memoryBytes?: number;
    processes?: number;
    /** of this job, those whose share is known; `busy` 0..1, MiB where they are told */
    gpus?: readonly { index: number; busy: number; usedMb?: number; totalMb?: number }[];
    /** epoch seconds by the cluster's clock: all of them have done nothing since; absent where that is not known */
    gpuIdleSince?: number;
  };
  saved: SaveReport | null;
  product: string;
};

const HANDSHAKE_MS = 20_000;
const REPLY_MS = 20_000;
/** of a look at processes and files, on a node that others use too */
const AUDIT_MS = 90_000;
const MOST_REPLY = 64 << 10;

/** A connection to the session's app. Rejects with E-AGENT: nobody answers, or it is not this session's agent. */
export function openApp(connect: Connect, session: string, secrets: ClientSecrets): Promise<TLSSocket> {
  return secured(connect, session, secrets, ['http/1.1']);
}

/** One verb, one answer, one connection. E-AGENT where there is no answer or the answer is an error. */
export async function controlRequest(
  connect: Connect,
  session: string,
  secrets: ClientSecrets,
  request: ControlRequest,
): Promise<Fields> {
  const { socket, reply } = await converse(connect, session, secrets, request);
  socket.destroy();
  return reply;
}

/** The answer, and the connection for what follows it. Bytes after the answer's line are in the socket again. */
export async function converse(
  connect: Connect,
  session: string,
  secrets: ClientSecrets,
  request: ControlRequest,
): Promise<{ socket: TLSSocket; reply: Fields }> {
  const socket = await secured(connect, session, secrets, ['hb/1']);
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const reply = understand(await firstLine(socket, request.verb === 'audit' ? AUDIT_MS : REPLY_MS));
    if (typeof reply.error === 'string') throw refusal(request.verb, harmless(reply.error));
    return { socket, reply };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** What is wrong with a path is a matter of the work directory, not of the agent. */
function refusal(verb: ControlRequest['verb'], words: string): HpcbinderError {
  if (verb !== 'get' && verb !== 'put') return agentFault(`refused ${verb}: ${words}`, false);
  return new HpcbinderError('E-WORK', { message: words, hint: 'Paths in a session are relative to the repository.' });
}

function understand(line: string): Fields {
  const reply = parseFields(line);
  if (reply === undefined) throw agentFault('gave an answer that is no JSON object', false);
  return reply;
}

/** Keys and CA as OpenSSL has them: read once, not for each connection, of which a session has dozens. */
const contexts = new WeakMap<ClientSecrets, SecureContext>();

function contextOf(secrets: ClientSecrets): SecureContext {
  const known = contexts.get(secrets);
  if (known !== undefined) return known;
  const { ca, clientCert: cert, clientKey: key } = secrets;
  const made = createSecureContext({ ca, cert, key, minVersion: 'TLSv1.2' });
  contexts.set(secrets, made);
  return made;
}

/** as OpenSSL names the alert; an agent by Python goes on without a protocol instead */
const NO_PROTOCOL = 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL';

/** It is the session's own agent, alive, of a version of hpcbinder that this one does not understand (SECURITY F-50). */
export class OtherVersion extends HpcbinderError {
  constructor(protocols: readonly string[]) {
    super('E-AGENT', {
      message: `the agent of the session does not speak ${protocols.join(' or ')}: another version of hpcbinder started it`,
      hint: 'The app goes on. Use that version, or stop the session by its scheduler and launch it again: its work directory stays.',
    });
  }
}

/** The agent chooses among the `protocols`: the socket's `alpnProtocol`. */
export async function secured(
  connect: Connect,
  session: string,
  secrets: ClientSecrets,
  protocols: readonly string[],
): Promise<TLSSocket> {
  const stream = await connect();
  return await new Promise<TLSSocket>((resolve, reject) => {
    const socket = tlsConnect({
      socket: stream,
      secureContext: contextOf(secrets),
      // The certificate of this session's agent, and of nobody else: a port number proves nothing (SECURITY NET-02).
      servername: agentName(session),
      ALPNProtocols: [...protocols],
    });
    const failed = (error: HpcbinderError) => {
      clearTimeout(timer);
      socket.destroy();
      stream.destroy();
      reject(error);
    };
    const fail = (why: string, cause?: unknown) => failed(agentFault(why, true, cause));
    const timer = setTimeout(() => fail('did not answer in time'), HANDSHAKE_MS);
    const onError = (cause: NodeJS.ErrnoException) =>
      cause.code === NO_PROTOCOL
        ? failed(new OtherVersion(protocols))
        : fail('refused the connection, or is not the one that this session started', cause);
    const onClose = () => fail('closed the connection');
    socket.once('error', onError);
    socket.once('close', onClose);
    socket.once('secureConnect', () => {
      if (!protocols.includes(socket.alpnProtocol || '')) {
        failed(new OtherVersion(protocols));
        return;
      }
      clearTimeout(timer);
      socket.off('error', onError);
      socket.off('close', onClose);
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

function firstLine(socket: TLSSocket, replyMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => done(agentFault('gave no answer in time', true)), replyMs);
    const done = (result: string | HpcbinderError) => {
      clearTimeout(timer);
      socket.off('readable', read);
      socket.off('error', onError);
      socket.off('close', onClose);
      if (typeof result === 'string') resolve(result);
      else reject(result);
    };
    const onError = (cause: Error) => done(agentFault('broke the connection', true, cause));
    const onClose = () => done(agentFault('closed the connection without an answer', true));
    const read = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        const end = (chunk as Buffer).indexOf(0x0a);
        if (end >= 0) {
          parts.push(chunk.subarray(0, end));
          if (end + 1 < chunk.length) socket.unshift(chunk.subarray(end + 1));
          done(Buffer.concat(parts).toString('utf8'));
          return;
        }
        parts.push(chunk);
        size += chunk.length;
        if (size > MOST_REPLY) {
          done(agentFault('gave an answer without an end', false));
          return;
        }
      }
    };
    socket.on('readable', read);
    socket.on('error', onError);
    socket.on('close', onClose);
    read();
  });
}

export function agentFault(what: string, transient: boolean, cause?: unknown): HpcbinderError {
  return new HpcbinderError('E-AGENT', {
    message: `the agent of the session ${what}`,
    transient,
    cause,
    hint: 'hpcbinder status and hpcbinder logs tell whether the job still runs.',
  });
}
