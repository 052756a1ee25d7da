/** Git servers that do not mean well, by hand: smart HTTP, protocol 0, on loopback. https://git-scm.com/docs/pack-protocol */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = 'c0ffee'.padEnd(40, '0');

export type Hostile = { url: string; asked: string[]; close(): Promise<void> };

/** A line of the protocol: its length in four hex digits, then the text. */
export function line(text: string | Buffer): Buffer {
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, '0')), body]);
}

export const FLUSH = Buffer.from('0000');

/** `refs`: after HEAD. */
export function* advertisement(refs: Iterable<string> = []): Generator<Buffer> {
  yield line('# service=git-upload-pack\n');
  yield FLUSH;
  const can = 'side-band-64k shallow no-progress allow-reachable-sha1-in-want allow-tip-sha1-in-want';
  yield line(`${COMMIT} HEAD\0${can}\n`);
  yield line(`${COMMIT} refs/heads/main\n`);
  for (const ref of refs) yield line(`${COMMIT} ${ref}\n`);
  yield FLUSH;
}

/** `upload`: writes the answer to the request for a pack. */
export async function hostileGit(how: {
  refs?: () => Iterable<string>;
  upload?: (response: ServerResponse) => void;
}): Promise<Hostile> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    // without a Host it is no client of ours, but `audit` of another test, which knocks at every port of its user
    if (request.headers.host !== undefined) asked.push(`${request.method} ${request.url}`);
    if (request.method === 'GET' && request.url?.includes('info/refs')) {
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
      for (const part of advertisement(how.refs?.())) response.write(part);
      response.end();
    } else if (request.method === 'POST' && how.upload) {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' });
      how.upload(response);
    } else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
