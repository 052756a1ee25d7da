/** An answer of ours, for a response and for the bare socket of an upgrade alike. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

export type Answer = { status: number; headers: Readonly<Record<string, string>>; body: string };

/** On everything that we, not the app, say (SECURITY WEB-20). No answer of ours is kept, framed or sniffed. */
const ALWAYS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  // What may still follow on a refused connection is not read as another request (WEB-09).
  Connection: 'close',
};

export function answer(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const length = String(Buffer.byteLength(body));
  return { status, body, headers: { ...ALWAYS, ...headers, 'Content-Length': length } };
}

export function plain(status: number, sentence: string): Answer {
  return answer(status, `${sentence}\n`, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Security-Policy': "default-src 'none'",
  });
}

export function send(res: ServerResponse, what: Answer): void {
  res.writeHead(what.status, what.headers);
  res.end(what.body);
}

/** Long enough to read a sentence; who is refused and neither reads nor closes would hold the connection for good (WEB-16). */
const LINGER_MS = 2_000;

export function sendRaw(socket: Duplex, what: Answer): void {
  const head = Object.entries(what.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${what.status} ${STATUS_CODES[what.status] ?? ''}\r\n${head.join('')}\r\n${what.body}`);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** Does a person look at the answer, or a script? */
export function wantsHtml(req: IncomingMessage): boolean {
  return (req.headers.accept ?? '').includes('text/html');
}
