import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createFront } from '../../server/front.ts';
import { LIMITS } from '../../server/limits.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A front whose own origin is everything; `/waits` reads the body, all else answers at once and leaves it unread. */
async function front(): Promise<number> {
  const made = createFront(() => undefined, { ...LIMITS, responseMs: 400 }, undefined, {
    owns: () => true,
    request(req, res) {
      if (req.url === '/stream') res.writeHead(200).write('begins\n');
      else if (req.url === '/waits') req.resume().on('end', () => res.end('read'));
      else res.writeHead(401).end('refused');
    },
  });
  const server = made.server();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closers.push(() => {
    made.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Milliseconds until the connection was closed, at most `most`; a byte of the body every 50 ms where `drips`. */
async function lasts(port: number, head: string, most: number, drips: boolean): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  const begun = Date.now();
  socket.write(head);
  const timer = setInterval(() => drips && socket.write('a'), 50);
  socket.resume().on('error', () => {});
  await Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, most).unref())]);
  clearInterval(timer);
  const took = Date.now() - begun;
  socket.destroy();
  return took;
}

describe("a connection to the endpoint's own origin", () => {
  it('is cut where the body of a request only drips, read or not (WEB-16)', async () => {
    const port = await front();
    const head = (path: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n`;
    const took = await Promise.all(['/waits', '/refused'].map((path) => lasts(port, head(path), 5000, true)));
    for (const each of took) {
      expect(each).toBeGreaterThanOrEqual(350);
      expect(each).toBeLessThan(5000);
    }
  });

  it('stays for a stream of events, and for the next request', async () => {
    const port = await front();
    const took = await Promise.all(
      ['/stream', '/refused'].map((path) => lasts(port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`, 1200, false)),
    );
    for (const each of took) expect(each).toBeGreaterThanOrEqual(1100);
  });
});
