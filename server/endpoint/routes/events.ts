/** Server-sent events: one JSON a message, a comment every so often so that no proxy in between gives up. */
import type { FastifyReply, FastifyRequest } from 'fastify';

/** as BinderHub has it; nginx closes a silent upstream after 60 s */
const KEEPALIVE_MS = 25_000;

/** Ends with the events, or when the reader leaves; a reader who does not read is waited for. */
export async function sendEvents(
  request: FastifyRequest,
  reply: FastifyReply,
  events: (signal: AbortSignal) => AsyncIterable<string>,
): Promise<FastifyReply> {
  const { raw } = reply.hijack();
  const left = new AbortController();
  raw.on('close', () => left.abort());
  // what the hooks have set; hijacked answers do not take it along
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // nginx would hold the events back otherwise
    'x-accel-buffering': 'no',
  });
  const timer = setInterval(() => raw.write(':keepalive\n\n'), KEEPALIVE_MS);
  try {
    for await (const text of events(left.signal)) {
      if (left.signal.aborted) break;
      if (!raw.write(text)) await new Promise((resolve) => raw.once('drain', resolve).once('close', resolve));
    }
  } catch (error) {
    if (!left.signal.aborted) request.log.error(error);
  } finally {
    clearInterval(timer);
    raw.end();
  }
  return reply;
}
