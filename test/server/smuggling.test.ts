import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type EndpointRig, endpointHttpRig, endpointRawRig } from './endpoint/agent.ts';
import { httpRig, type Rig, raw, rawRig, request, statusOf, until, upgradeText } from './rig.ts';

const ok: RequestListener = (_req, res) => void res.end('ok');
type AnyRig = Rig | EndpointRig;
type Opens = () => Promise<AnyRig>;
const PROXIES: [string, Opens, Opens][] = [
  ['the command line’s proxy', () => httpRig(ok), () => rawRig(() => {})],
  ['the campus endpoint', () => endpointHttpRig(ok), () => endpointRawRig(() => {})],
];

describe.each(PROXIES)('request smuggling through %s', (_, opened) => {
  let rig: AnyRig;
  beforeAll(async () => {
    rig = await opened();
  }, 60_000);
  afterAll(() => rig.close());

  const CORPUS: readonly (readonly [string, string])[] = [
    [
      'CL and TE',
      'POST / HTTP/1.1\r\nHOST\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nSMUGGLED',
    ],
    ['two CL', 'POST / HTTP/1.1\r\nHOST\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\nSMUGGLED'],
    ['CL list', 'POST / HTTP/1.1\r\nHOST\r\nContent-Length: 0, 44\r\n\r\nSMUGGLED'],
    ['CL with a sign', 'POST / HTTP/1.1\r\nHOST\r\nContent-Length: +0\r\n\r\nSMUGGLED'],
    ['TE xchunked', 'POST / HTTP/1.1\r\nHOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\nSMUGGLED'],
    ['TE gzip, chunked', 'POST / HTTP/1.1\r\nHOST\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nSMUGGLED'],
    [
      'TE chunked, identity',
      'POST / HTTP/1.1\r\nHOST\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nSMUGGLED',
    ],
    ['space before colon', 'POST / HTTP/1.1\r\nHOST\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nSMUGGLED'],
    [
      'obs-fold',
      'POST / HTTP/1.1\r\nHOST\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nSMUGGLED',
    ],
    ['bare LF', 'POST / HTTP/1.1\nHOST\nContent-Length: 0\n\nSMUGGLED'],
    ['bare CR in a value', 'POST / HTTP/1.1\r\nHOST\r\nX: a\rTransfer-Encoding: chunked\r\n\r\nSMUGGLED'],
    ['NUL in a value', 'POST / HTTP/1.1\r\nHOST\r\nX: a\0b\r\nContent-Length: 0\r\n\r\nSMUGGLED'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHOST\r\nHost: evil.test\r\n\r\nSMUGGLED'],
    [
      'DELETE with a chunked body',
      'DELETE / HTTP/1.1\r\nHOST\r\nTransfer-Encoding: chunked\r\n\r\n2a\r\nSMUGGLED\r\n0\r\n\r\n',
    ],
    [
      'GET with a chunked body',
      'GET / HTTP/1.1\r\nHOST\r\nTransfer-Encoding: chunked\r\n\r\n2a\r\nSMUGGLED\r\n0\r\n\r\n',
    ],
    ['a chunk size that is no number', 'POST / HTTP/1.1\r\nHOST\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nSMUGGLED'],
    [
      'an upgrade with a tail',
      `${'GET / HTTP/1.1\r\nHOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nORIGIN'}\r\n\r\nSMUGGLED`,
    ],
    [
      'an upgrade with a body',
      'GET / HTTP/1.1\r\nHOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nORIGIN\r\nContent-Length: 42\r\n\r\nSMUGGLED',
    ],
    [
      'h2c',
      'GET / HTTP/1.1\r\nHOST\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\nSMUGGLED',
    ],
  ];

  it.each(CORPUS)('%s: the app never sees a second request', async (_, text) => {
    const inner = 'GET /smuggled HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n';
    const sent = text
      .replace(/HOST/, `Host: ${rig.host}\r\nCookie: ${rig.cookie}`)
      .replace(/ORIGIN/, `Origin: ${rig.origin}`)
      .replace(/SMUGGLED/, inner);
    const before = rig.seen().length;
    const got = await raw(rig.session.port, sent);
    expect([400, 411, 501]).toContain(statusOf(got));
    const after = rig.seen().slice(before).join('\n');
    expect(after).not.toContain('/smuggled');
  });

  it('CONNECT and TRACE are not served', async () => {
    for (const method of ['CONNECT', 'TRACE']) {
      const got = await request(rig.session.port, {
        method,
        path: '/',
        host: rig.host,
        headers: { Cookie: rig.cookie },
      });
      expect([0, 400, 405]).toContain(statusOf(got));
    }
  });
});

describe('clients that wait', () => {
  let silent: AnyRig;
  afterEach(() => silent.close());

  it('a request that drips its headers is cut', async () => {
    silent = await rawRig(() => {}, { limits: { headersMs: 300, checkMs: 100 } });
    const started = Date.now();
    const got = await raw(silent.session.port, 'GET / HTTP/1.1\r\nHost:', 2_000);
    expect([0, 408]).toContain(statusOf(got));
    expect(Date.now() - started).toBeLessThan(2_000);
  });

  it.each(PROXIES)(
    '300 abandoned upgrades to an app that never answers leave nothing open at %s',
    async (_, __, opened) => {
      silent = await opened();
      const clients = await Promise.all(
        Array.from({ length: 300 }, async () => {
          const socket = connect(silent.session.port, '127.0.0.1');
          socket.on('error', () => {});
          socket.write(upgradeText(silent));
          return socket;
        }),
      );
      expect(await until(() => silent.openAtBackend() > 0)).toBe(true);
      for (const client of clients) client.end();
      expect(await until(() => silent.openAtBackend() === 0)).toBe(true);
    },
  );

  it('an app that never accepts a WebSocket costs a deadline, not a socket', async () => {
    silent = await rawRig(() => {}, { limits: { upgradeMs: 200 } });
    expect(statusOf(await raw(silent.session.port, upgradeText(silent)))).toBe(504);
    expect(await until(() => silent.openAtBackend() === 0)).toBe(true);
  });
});
