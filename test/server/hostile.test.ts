import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EndpointRig, endpointHttpRig } from './endpoint/agent.ts';
import { httpRig, type Rig, raw, request, statusOf, upgradeText } from './rig.ts';

/** An app that says what it was sent, with cookies and a header that must not pass. */
const echo: RequestListener = (req, res) => {
  res.setHeader('Set-Cookie', [
    'kernel=1; Path=/; Domain=.localhost',
    'tossed=1; domain =localhost; Path=/',
    'hb_k3f9q2x7ma_00000000=stolen; Path=/',
  ]);
  res.setHeader('X-Hop', 'secret');
  res.setHeader('Connection', 'close, X-Hop');
  res.end(JSON.stringify({ url: req.url, headers: req.rawHeaders }));
};

const PROXIES: [string, () => Promise<Rig | EndpointRig>][] = [
  ['the command line’s proxy', () => httpRig(echo)],
  ['the campus endpoint', () => endpointHttpRig(echo)],
];

describe.each(PROXIES)('through %s', (_, opened) => {
  let rig: Rig | EndpointRig;
  beforeAll(async () => {
    rig = await opened();
  }, 60_000);
  afterAll(() => rig.close());

  const get = (path: string, headers: Record<string, string> = {}) =>
    request(rig.session.port, { path, host: rig.host, headers: { Cookie: rig.cookie, ...headers } });

  describe('names and origins', () => {
    it.each([
      'evil.test',
      'evil.localhost',
      'hb-aaaaaaaaaa.localhost',
      '169.254.169.254',
      '0.0.0.0',
      '[::1]',
      'localhost.evil.test',
      'HB-K3F9Q2X7MA.localhost',
      'constructor',
      '__proto__',
    ])('Host %s is misdirected, and does not appear in the answer', async (name) => {
      for (const host of [name, `${name}:${rig.session.port}`]) {
        const got = await request(rig.session.port, { host, headers: { Cookie: rig.cookie, Accept: 'text/html' } });
        expect(statusOf(got)).toBe(421);
        expect(got).not.toContain(name);
        expect(got).toMatch(/^content-type: text\/plain/im);
      }
    });

    it('the right name on a wrong port is misdirected too', async () => {
      expect(statusOf(await request(rig.session.port, { host: rig.host.replace(/[0-9]+$/, '1') }))).toBe(421);
    });

    it.each([
      ['http://evil.test', 'another site'],
      ['http://hb-k3f9q2x7ma.localhost.evil.test', 'a longer name'],
      ['null', 'an opaque origin'],
      ['https', 'the wrong scheme'],
      ['port', 'the wrong port'],
      ['upper', 'capitals'],
      ['missing', 'no origin'],
      ['twice', 'two origins'],
    ])('a WebSocket from Origin %s (%s) is refused before the app hears of it', async (kind) => {
      const before = rig.seen().length;
      const origins: Record<string, string | undefined> = {
        https: rig.origin.replace('http:', 'https:'),
        port: rig.origin.replace(/[0-9]+$/, '1'),
        upper: rig.origin.toUpperCase(),
        missing: undefined,
        twice: `${rig.origin}\r\nOrigin: http://evil.test`,
      };
      const origin = kind in origins ? origins[kind] : kind;
      expect(statusOf(await raw(rig.session.port, upgradeText(rig, { Origin: origin })))).toBe(403);
      expect(rig.seen().length).toBe(before);
    });

    it.each([
      ['no cookie', { Cookie: undefined }],
      ['a foreign cookie', { Cookie: 'hb_k3f9q2x7ma_00000000=1.a' }],
    ])('a WebSocket with %s is refused', async (_, change) => {
      expect(statusOf(await raw(rig.session.port, upgradeText(rig, change)))).toBe(403);
    });

    it.each([
      ['a foreign form', 'POST', { Origin: 'http://evil.test' }, 403],
      ['an opaque form', 'POST', { Origin: 'null' }, 403],
      ['another port of this machine, no Origin', 'POST', { 'Sec-Fetch-Site': 'same-site' }, 403],
      ['a no-cors fetch', 'GET', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }, 403],
      ['a script tag elsewhere', 'GET', { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Dest': 'script' }, 403],
      [
        'a frame elsewhere',
        'GET',
        { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' },
        403,
      ],
      [
        'a link elsewhere',
        'GET',
        { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
        200,
      ],
      ['the page itself', 'POST', { 'Sec-Fetch-Site': 'same-origin' }, 200],
    ] as const)('%s (%s) is answered as its origin deserves', async (_, method, headers, status) => {
      const got = await request(rig.session.port, {
        method,
        host: rig.host,
        headers: { Cookie: rig.cookie, 'Content-Length': '0', ...headers },
      });
      expect(statusOf(got)).toBe(status);
    });
  });

  describe('paths', () => {
    it.each([
      '//evil.test/',
      '///evil.test',
      '/\\evil.test',
      '\\\\evil.test',
      'http://evil.test/',
      '*',
      '/%2Fevil.test',
      '/%5cevil.test',
      '/a%00b',
      '/%09/evil.test',
      '/..//evil.test',
      '/a/../b',
      '/a/%2e%2e/b',
      '/a/.%2E/b',
      '/a%2f..%2fb',
      '/a/..;x/b',
      '/%zz',
      '/%',
      '/caf\u00e9',
    ])('%s is refused', async (path) => {
      expect(statusOf(await get(path))).toBe(400);
    });

    it.each([
      '/lab',
      '/api/contents/a%2Fb.ipynb?content=1',
      '/files/r%C3%A9sum%C3%A9%20(1).csv',
      '/a//b/...c/.d',
      '/x?next=//evil.test&y=%zz&z=%2e%2e',
      '/constructor',
      '/__proto__/toString',
      '/?c=short',
      '/q?a?b?c',
      '/lab/tree/a;b=c|d^e',
    ])('%s reaches the app as it is', async (path) => {
      const got = await get(path);
      expect(statusOf(got)).toBe(200);
      expect(got).toContain(`"url":${JSON.stringify(path)}`);
    });
  });

  describe('headers', () => {
    it('the app is given its own token and none of ours', async () => {
      const got = await get('/', {
        Cookie: `a=1; ${rig.cookie}; hb_other_12345678=x; b=2`,
        Authorization: 'token mine',
        'X-Forwarded-For': '6.6.6.6',
        'X-Forwarded-Host': 'evil.test',
        Forwarded: 'for=6.6.6.6',
        'X-Remote-User': 'admin',
        'X-HB-User': 'admin',
        'X-Real-IP': '6.6.6.6',
      });
      const pairs: string[] = JSON.parse(got.slice(got.indexOf('{'), got.lastIndexOf('}') + 1)).headers;
      const headers = new Map(pairs.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), pairs[i + 1]]] : [])));
      expect(headers.get('authorization')).toBe(`token ${rig.appToken}`);
      expect(headers.get('cookie')).toBe('a=1; b=2');
      expect(headers.get('host')).toBe(rig.host);
      expect(headers.get('x-forwarded-for')).toBe('127.0.0.1');
      expect(headers.get('x-forwarded-host')).toBe(rig.host);
      expect(got).not.toContain('6.6.6.6');
      expect(got).not.toContain('admin');
      expect(got).not.toContain('hb_other');
    });

    it('what Connection names ends here, but not what we add or what frames the message', async () => {
      const text = [
        'POST /hop HTTP/1.1',
        `Host: ${rig.host}`,
        `Cookie: ${rig.cookie}; x=1`,
        'X-Secret: 1',
        'Keep-Alive: timeout=5',
        'TE: trailers',
        'Connection: close, X-Secret, cookie, authorization, content-length, host',
        'Content-Length: 2',
        '',
        'ok',
      ].join('\r\n');
      const got = await raw(rig.session.port, text);
      expect(statusOf(got)).toBe(200);
      expect(got).not.toMatch(/X-Secret|Keep-Alive: timeout|trailers/i);
      expect(got).toContain(`token ${rig.appToken}`);
      expect(got).toContain('"x=1"');
      expect(rig.seen().join('')).toMatch(/content-length: 2\r\n/i);
    });

    it('cookies of the app lose their Domain and never take a name of ours', async () => {
      const got = await get('/');
      expect(got).toMatch(/^set-cookie: kernel=1; Path=\/\r$/im);
      expect(got).toMatch(/^set-cookie: tossed=1; Path=\/\r$/im);
      expect(got).not.toMatch(/domain/i);
      expect(got).not.toMatch(/^set-cookie: hb_/im);
      expect(got).not.toContain('X-Hop');
    });

    it('101 headers are refused, and 2,000 too', async () => {
      for (const count of [101, 2_000]) {
        const many = Object.fromEntries(Array.from({ length: count }, (_, i) => [`X-${i}`, '1']));
        expect(statusOf(await get('/', many))).toBe(431);
      }
    });

    it('a header of 17 KiB is refused in words', async () => {
      const got = await get('/', { 'X-Big': 'x'.repeat(17 << 10) });
      expect(statusOf(got)).toBe(431);
      expect(got).toContain('cookies');
    });
  });
});
