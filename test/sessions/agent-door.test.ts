import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeCertificates } from '../../sessions/certificates.ts';
import { controlRequest, openApp } from '../../sessions/control.ts';
import { type Rig, SESSION, startSession, TOKEN } from './agent-rig.ts';
import { pythons } from './pythons.ts';

function get(
  rig: Rig,
  path: string,
  method = 'GET',
  body = '',
): Promise<{ status: number; sha256: string; bytes: number }> {
  return openApp(rig.connect, SESSION, rig.secrets).then(
    (socket) =>
      new Promise((resolve, reject) => {
        const headers = { Authorization: `token ${TOKEN}`, 'Content-Length': Buffer.byteLength(body) };
        const request = httpRequest({ createConnection: () => socket, path, method, headers }, (response) => {
          const hash = createHash('sha256');
          let bytes = 0;
          response.on('data', (data: Buffer) => {
            bytes += data.length;
            hash.update(data);
          });
          response.on('end', () => {
            socket.destroy();
            resolve({ status: response.statusCode ?? 0, sha256: hash.digest('hex'), bytes });
          });
        });
        request.on('error', reject);
        request.end(body);
      }),
  );
}

/** What a client without the right key gets: nothing but a closed connection. */
function knock(
  port: number,
  how: { ca?: string; cert?: string; key?: string; alpn?: string; plain?: string },
): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    const end = () => resolve(got);
    const socket: Socket =
      how.plain === undefined
        ? tlsConnect({
            port,
            host: '127.0.0.1',
            rejectUnauthorized: false,
            cert: how.cert,
            key: how.key,
            ALPNProtocols: [how.alpn ?? 'http/1.1'],
          })
        : connect({ port, host: '127.0.0.1' });
    const words = how.plain ?? 'GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n';
    socket.on(how.plain === undefined ? 'secureConnect' : 'connect', () => socket.write(words));
    socket.on('data', (data) => {
      got += data;
    });
    socket.on('error', end);
    socket.on('close', end);
  });
}

describe.each(pythons())("the agent's door, under %s", (python) => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startSession({ python });
  });
  afterAll(() => rig.stop());

  it("opens the app to the session's own key", async () => {
    expect(await get(rig, '/api/status')).toMatchObject({ status: 200 });
  });

  it("closes on no certificate, a foreign one, the agent's own, another protocol and plain HTTP", async () => {
    const { port } = rig.address;
    const foreign = await makeCertificates(SESSION, 3600);
    const { server, client } = rig.certificates;
    expect(await knock(port, {})).toBe('');
    expect(await knock(port, foreign.client)).toBe('');
    expect(await knock(port, server)).toBe('');
    expect(await knock(port, { ...client, alpn: 'h2' })).toBe('');
    expect(await knock(port, { plain: 'GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n' })).not.toContain('HTTP');
  });

  it('is not taken for the session by a client of another session', async () => {
    const other = await makeCertificates(SESSION, 3600);
    const secrets = { ...rig.secrets, ca: other.ca };
    await expect(openApp(rig.connect, SESSION, secrets)).rejects.toMatchObject({ code: 'E-AGENT' });
    await expect(openApp(rig.connect, 'hb-zzzzzzzzzz', rig.secrets)).rejects.toMatchObject({ code: 'E-AGENT' });
  });

  it('answers verbs that it does not know with a sentence', async () => {
    const save = controlRequest(rig.connect, SESSION, rig.secrets, { verb: 'save' as 'status' });
    await expect(save).rejects.toThrow("this agent does not know 'save'");
  });

  it('carries much without loss, in both directions, for a reader that is slow too', async () => {
    const size = 64 << 20;
    const expected = createHash('sha256').update(Buffer.alloc(size, 'x')).digest('hex');
    expect(await get(rig, `/bytes/${size}`)).toEqual({ status: 200, sha256: expected, bytes: size });
    const sent = await get(rig, '/upload', 'PUT', 'y'.repeat(8 << 20));
    expect(sent.status).toBe(200);
  });

  it('lets 1,100 idle connections of somebody delay the owner by at most a second, and logs them in a line', async () => {
    const { port } = rig.address;
    const idle: Socket[] = [];
    let opened = 0;
    for (let n = 0; n < 1100; n++) {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.on('error', () => {});
      socket.once('connect', () => {
        opened += 1;
      });
      // Half of them say the first byte of a handshake and no more.
      if (n % 2 === 1) socket.write(Buffer.from([0x16]));
      idle.push(socket);
    }
    const began = Date.now();
    while (opened < 1100 && Date.now() - began < 5000) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(opened).toBe(1100);
    const asked = Date.now();
    expect(await get(rig, '/api/status')).toMatchObject({ status: 200 });
    expect(Date.now() - asked).toBeLessThan(1000);
    expect(rig.file('agent.log').length).toBeLessThan(2000);
    for (const socket of idle) socket.destroy();
  }, 20_000);
});
