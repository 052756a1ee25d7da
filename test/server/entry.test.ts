import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { serveSession } from '../../server/local.ts';
import { cookieOf, httpRig, ID, type Rig, request, statusOf } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

const echo = () => httpRig((req, res) => res.end(JSON.stringify({ url: req.url, headers: req.headers })));

describe('entering a session', () => {
  it('a link opens once: the code becomes a cookie and leaves the address', async () => {
    rig = await echo();
    const link = new URL(rig.session.url('/lab?reset'));
    expect(link.host).toBe(rig.host);
    expect(link.searchParams.get('c')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const path = link.pathname + link.search;
    const first = await request(rig.session.port, { path, host: rig.host });
    expect(statusOf(first)).toBe(302);
    expect(first).toMatch(/^Location: \/lab\?reset\r$/m);
    expect(first).toMatch(/^Set-Cookie: hb_k3f9q2x7ma_[0-9a-f]{8}=.*; Path=\/; .*HttpOnly; SameSite=Lax\r$/m);
    expect(first).toMatch(/^Referrer-Policy: no-referrer\r$/m);
    const second = await request(rig.session.port, { path, host: rig.host, headers: { Accept: 'text/html' } });
    expect(statusOf(second)).toBe(403);
    expect(second).toContain(`hpcbinder open ${ID}`);
    expect(cookieOf(second)).toBe('');
  });

  it('by BinderHub’s clients brings the code as token; a token that is none of ours is the app’s', async () => {
    rig = await echo();
    const code = new URL(rig.session.url('/')).searchParams.get('c');
    const first = await request(rig.session.port, { path: `/lab/tree/a.ipynb?token=${code}`, host: rig.host });
    expect(statusOf(first)).toBe(302);
    expect(first).toMatch(/^Location: \/lab\/tree\/a\.ipynb\r$/m);
    expect(cookieOf(first)).not.toBe('');
    const path = `/api?token=${'A'.repeat(43)}`;
    const own = await request(rig.session.port, { path, host: rig.host, headers: { Cookie: rig.cookie } });
    expect(statusOf(own)).toBe(200);
    expect(own).toContain(path);
    expect(statusOf(await request(rig.session.port, { path, host: rig.host }))).toBe(403);
  });

  it('without a cookie nothing reaches the app, and the page says how to come in', async () => {
    rig = await echo();
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH']) {
      const got = await request(rig.session.port, { method, path: '/api/contents', host: rig.host });
      expect([method, statusOf(got)]).toEqual([method, 403]);
    }
    expect(rig.seen()).toEqual([]);
  });

  it('a browser that is in and presses the used link again gets the clean address', async () => {
    rig = await echo();
    const path = `/?c=${'A'.repeat(43)}`;
    const got = await request(rig.session.port, { path, host: rig.host, headers: { Cookie: rig.cookie } });
    expect(statusOf(got)).toBe(302);
    expect(got).toMatch(/^Location: \/\r$/m);
  });

  it.each([
    // not the last letter: two of its bits are no part of the value
    ['another value', (c: string) => `${c.slice(0, -2)}${c.at(-2) === 'A' ? 'B' : 'A'}${c.slice(-1)}`],
    ['a later expiry', (c: string) => c.replace(/=[0-9]+/, '=99999999999')],
    ['no signature', (c: string) => c.replace(/\..*/, '')],
    ['nothing', (c: string) => c.replace(/=.*/, '=')],
    ['another name', (c: string) => `x${c}`],
  ])('a cookie with %s is refused', async (_, forge) => {
    rig = await echo();
    const got = await request(rig.session.port, { host: rig.host, headers: { Cookie: forge(rig.cookie) } });
    expect(statusOf(got)).toBe(403);
  });

  it('the cookie lives on when the CLI starts again on the same port, and dies with the key', async () => {
    rig = await echo();
    const { port } = rig.session;
    await rig.session.close();
    const again = await serveSession({ route: rig.route, port });
    expect(again.port).toBe(port);
    const headers = { Cookie: rig.cookie };
    expect(statusOf(await request(port, { host: rig.host, headers }))).toBe(200);
    await again.close();
    const rotated = await serveSession({ route: { ...rig.route, cookieKey: 'cd'.repeat(32) }, port });
    expect(statusOf(await request(port, { host: rig.host, headers }))).toBe(403);
    await rotated.close();
  });

  it('on 127.0.0.1 the own name is offered first, and path mode is a click away', async () => {
    rig = await echo();
    const host = `127.0.0.1:${rig.session.port}`;
    const path = `/lab${new URL(rig.session.url()).search}`;
    const offer = await request(rig.session.port, { path, host, headers: { Accept: 'text/html' } });
    expect(statusOf(offer)).toBe(200);
    expect(cookieOf(offer)).toBe('');
    expect(offer).toContain(`href="http://${rig.host}${path}"`);
    const here = await request(rig.session.port, { path: `${path}&stay=1`, host });
    expect(statusOf(here)).toBe(302);
    const cookie = cookieOf(here);
    expect(statusOf(await request(rig.session.port, { path: '/lab', host, headers: { Cookie: cookie } }))).toBe(200);
  });

  it('a taken port is left to its owner: another one is bound', async () => {
    rig = await echo();
    const second = await serveSession({ route: rig.route, port: rig.session.port });
    expect(second.port).not.toBe(rig.session.port);
    await second.close();
  });

  it('on a login node it listens on a 0600 socket and on no port', async () => {
    rig = await echo();
    const dir = await mkdtemp(join(tmpdir(), 'hb-server-'));
    const socketPath = join(dir, 's');
    const session = await serveSession({ route: rig.route, socketPath, port: 45_123 });
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
    expect(session.url()).toContain(`http://${ID}.localhost:45123/?c=`);
    const got = await new Promise<string>((resolve) => {
      const socket = connect(socketPath, () => socket.write(`GET / HTTP/1.1\r\nHost: ${ID}.localhost:45123\r\n\r\n`));
      socket.once('data', (part) => resolve(part.toString()));
    });
    expect(statusOf(got)).toBe(403);
    await session.close();
    await rm(dir, { recursive: true });
  });

  it('--url-base adds exactly its own host, and links begin with it', async () => {
    rig = await echo();
    const session = await serveSession({ route: rig.route, urlBase: 'https://forward.example.org' });
    expect(session.url('/lab')).toMatch(/^https:\/\/forward\.example\.org\/lab\?c=/);
    const path = `/${new URL(session.url()).search}`;
    const got = await request(session.port, { path, host: 'forward.example.org' });
    expect(statusOf(got)).toBe(302);
    expect(got).toContain('; Secure');
    expect(statusOf(await request(session.port, { host: 'forward.example.org.evil.test' }))).toBe(421);
    await session.close();
    await expect(serveSession({ route: rig.route, urlBase: 'ftp://x/y' })).rejects.toThrow('cannot be the address');
  });
});
