/** Which connection the proxy takes for what: a numbered stream for each WebSocket, kept connections for requests. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HpcbinderError } from '../../core/errors.ts';
import { type Rig, raw, rawRig, request, statusOf, upgradeText } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

/** `open` in the place of the route's streams; with the connections that it has made. */
async function withStreams(open: (plain: Rig['route']['connectApp']) => Promise<Duplex>) {
  const made: string[] = [];
  let plain: Rig['route']['connectApp'] = () => Promise.reject(new Error('too early'));
  rig = await rawRig(
    (socket) => {
      socket.once('data', (data) => {
        const switches = /^upgrade: websocket/im.test(String(data));
        const answer = switches
          ? '101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello'
          : '200 OK\r\nContent-Length: 2\r\n\r\nok';
        socket.write(`HTTP/1.1 ${answer}`);
      });
    },
    {
      onServer: (server) => {
        plain = async () => {
          const address = server.address();
          const socket = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
          await once(socket, 'connect');
          return socket;
        };
      },
      change: {
        connectApp: async () => {
          made.push('request');
          return plain();
        },
        openStream: async () => {
          made.push('stream');
          return open(plain);
        },
      },
    },
  );
  return made;
}

describe('the proxy', () => {
  it('opens a stream for each WebSocket and keeps none; requests share their connections', async () => {
    const made = await withStreams((plain) => plain());
    for (let n = 0; n < 2; n++) {
      const answer = await raw(rig.session.port, upgradeText(rig));
      expect(statusOf(answer)).toBe(101);
      expect(answer).toContain('hello');
    }
    const { host, cookie: Cookie } = rig;
    expect(statusOf(await request(rig.session.port, { host, headers: { Cookie } }))).toBe(200);
    expect(made).toEqual(['stream', 'stream', 'request']);
  });

  it('says so where the agent takes no more WebSockets', async () => {
    const full = new HpcbinderError('E-AGENT', {
      message: 'the agent of the session refused a WebSocket: the session has 256 WebSockets open',
    });
    // the agent says so on the stream, once that is made
    await withStreams(async (plain) => {
      const stream = await plain();
      setImmediate(() => stream.destroy(full));
      return stream;
    });
    const answer = await raw(rig.session.port, upgradeText(rig));
    expect(statusOf(answer)).toBe(503);
    expect(answer).toContain('the session has 256 WebSockets open');
  });
});
