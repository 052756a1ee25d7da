import { chmodSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signInOptions } from '../../../server/endpoint/people.ts';
import { listenOnSocket } from '../../../server/listen.ts';
import { parsePolicy } from '../../../server/policy/index.ts';
import { isOwnAddress } from '../../../server/sign-in/header.ts';
import { checkSignIn, createSignIn, type SignInOptions } from '../../../server/sign-in/index.ts';
import { State } from '../../../server/state/index.ts';
import { Browser } from './browser.ts';
import { type Endpoint, endpoint, RULES, secretFile } from './rig.ts';

const PROXY_SECRET = 'only-the-reverse-proxy-knows-this';
let at: Endpoint;
let file: string;

beforeAll(async () => {
  at = await endpoint((_base, directory) => {
    file = secretFile(directory, PROXY_SECRET);
    return { header: { name: 'X-Remote-User', from: ['127.0.0.1'], secret: { header: 'X-Proxy-Secret', file } } };
  });
});
afterAll(() => at.close());

/** As the reverse proxy adds them. */
const as = (name: string) => ({ 'x-remote-user': name, 'x-proxy-secret': PROXY_SECRET });
const url = (path: string) => new URL(path, at.base);
const me = async (browser: Browser, headers: Record<string, string> = {}) =>
  JSON.parse((await browser.get(url('me'), headers)).body || 'null');

describe("a trusted reverse proxy's header", () => {
  it('signs its person in, into a login of a browser with an XSRF value', async () => {
    const browser = new Browser();
    const page = await browser.get(url('sign-in?next=/me'), as('alice@campus'));
    expect(page.status).toBe(200);
    expect(await me(browser, as('alice@campus'))).toMatchObject({
      user: { account: 'alice' },
      via: 'login',
      xsrf: expect.any(String),
    });
  });

  it('has the last word: without it, or with another name, our cookie alone lets nobody in', async () => {
    const browser = new Browser();
    await browser.get(url('sign-in'), as('alice@campus'));
    expect(await me(browser)).toBeNull();
    expect(await me(browser, as('bob@hpc'))).toBeNull();
    expect(await me(browser, { ...as('alice@campus'), 'x-remote-user': '' })).toBeNull();
  });

  it('says so to whoever comes without it', async () => {
    const page = await new Browser().get(url('sign-in'));
    expect(page.status).toBe(401);
    expect(page.body).toContain('did not say who you are');
  });

  it.each<[string, Record<string, string>]>([
    ['without the secret', { 'x-remote-user': 'alice@campus' }],
    ['with another secret', { 'x-remote-user': 'alice@campus', 'x-proxy-secret': 'guess' }],
    ['with two names in one value', as('alice@campus, bob@hpc')],
    ['with two names as Shibboleth joins them', as('alice@campus;bob@hpc')],
    ['with a name that has a space', as('alice campus')],
  ])('%s is refused on every address, and written down', async (_what, headers) => {
    for (const path of ['me', 'sign-in', 'sign-out', 'api/v1/tokens'])
      expect((await new Browser().get(url(path), headers)).status).toBe(403);
    expect(at.state.audit.read()[0]).toMatchObject({ action: 'header-refused', account: '-' });
  });

  it('twice is refused, whatever stands in it', async () => {
    const status = await new Promise((resolve) => {
      const headers = [
        'x-remote-user',
        'alice@campus',
        'x-remote-user',
        'alice@campus',
        'x-proxy-secret',
        PROXY_SECRET,
      ];
      request(url('me'), { headers: ['host', at.base.host, ...headers] as unknown as IncomingHttpHeaders })
        .on('response', (response) => resolve(response.resume().statusCode))
        .end();
    });
    expect(status).toBe(403);
  });

  it('of a person without an account is no entry', async () => {
    const page = await new Browser().get(url('sign-in'), as('mallory@elsewhere'));
    expect(page.status).toBe(403);
    expect(page.body).toContain('You signed in as mallory@elsewhere');
  });
});

describe('from whom the header is believed', () => {
  const state = () => at.state;
  const create = (header: SignInOptions['header'], unixSocket = false) =>
    createSignIn({ header, unixSocket, accounts: () => RULES }, state(), at.base);
  const elsewhere = '192.0.2.7';

  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])(
    'is never %s alone: everybody on the login node can connect from there',
    async (from) => {
      expect(isOwnAddress(from)).toBe(true);
      await expect(create({ name: 'X-Remote-User', from: [from] })).rejects.toMatchObject({
        code: 'E-SIGN-IN',
        message: expect.stringContaining('everybody on this machine'),
      });
    },
  );

  it('may be another machine by its exact address', async () => {
    const signIn = await create({ name: 'X-Remote-User', from: [elsewhere] });
    expect(signIn.who).toBeInstanceOf(Function);
  });

  it.each([
    ['a network', { name: 'X-Remote-User', from: ['192.0.2.0/24'] }],
    ['a name', { name: 'X-Remote-User', from: ['proxy.campus'] }],
    ['nobody', { name: 'X-Remote-User', from: [] }],
    ['a Unix socket that is not there', { name: 'X-Remote-User', from: ['unix'] }],
    ['a header that none can be', { name: 'X Remote User', from: [elsewhere] }],
  ])('is not %s', async (_what, header) => {
    await expect(create(header)).rejects.toMatchObject({ code: 'E-SIGN-IN' });
  });

  it('is not somebody with a secret that others can read', async () => {
    chmodSync(file, 0o644);
    const secret = { header: 'X-Proxy-Secret', file };
    await expect(create({ name: 'X-Remote-User', from: ['127.0.0.1'], secret })).rejects.toMatchObject({
      message: expect.stringContaining('can be read by others'),
    });
    chmodSync(file, 0o600);
  });

  it('is not another machine than the one named', async () => {
    const other = await endpoint(() => ({ header: { name: 'X-Remote-User', from: [elsewhere] } }));
    const page = await new Browser().get(new URL('me', other.base), { 'x-remote-user': 'alice@campus' });
    expect(page.status).toBe(403);
    expect(page.body).toContain('the peer may not say who somebody is');
    await other.close();
  });

  it('is whoever may open our Unix socket, where we listen on one', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hb-unix-'));
    const own = State.open(join(directory, 'state'));
    const options = { header: { name: 'X-Remote-User', from: ['unix'] }, unixSocket: true, accounts: () => RULES };
    const signIn = await createSignIn(options, own, at.base);
    const socketPath = join(directory, 'socket');
    const { default: Fastify } = await import('fastify');
    const app = Fastify();
    signIn.register(app);
    await app.listen({ path: socketPath });
    expect(existsSync(socketPath)).toBe(true);
    const cookie = await new Promise((resolve) => {
      request({ socketPath, path: '/sign-in', headers: { 'x-remote-user': 'alice@campus' } })
        .on('response', (response) => resolve(String(response.resume().headers['set-cookie'])))
        .end();
    });
    expect(cookie).toContain('hpcbinder=');
    await app.close();
    own.close();
    rmSync(directory, { recursive: true });
  });
});

describe('the socket of a reverse proxy', () => {
  it.each<[number, number | undefined]>([
    [0o700, 0o660],
    [0o2750, 0o660],
    [0o755, undefined],
    [0o770, undefined],
  ])('in a directory of mode %o', async (mode, socketMode) => {
    const directory = mkdtempSync(join(tmpdir(), 'hb-socket-'));
    chmodSync(directory, mode);
    const path = join(directory, 'serve.sock');
    const listened = listenOnSocket(createServer(), path, 0, true);
    if (socketMode === undefined) await expect(listened).rejects.toThrow('2750 with the group of the reverse proxy');
    else {
      const { close } = await listened;
      expect(statSync(path).mode & 0o777).toBe(socketMode);
      await close();
    }
    rmSync(directory, { recursive: true });
  });
});

describe('serve --check', () => {
  it.each([
    ['sign_in: {header: {name: X-Remote-User, from: [127.0.0.1]}}', /everybody on this machine can connect/],
    ['sign_in: {header: {name: X-Remote-User, from: [unix]}}', /needs "listen" to be a Unix socket/],
    ['sign_in: {oidc: {issuer: http://id.campus, client_id: x}}', /is not https/],
    ['sign_in: {header: {name: X-Remote-User, from: [192.0.2.7]}}', undefined],
    ['sign_in: {header: {name: X-Remote-User, from: [unix]}}\nlisten: /run/hpcbinder/serve.sock', undefined],
    ['sign_in: {oidc: {issuer: https://id.campus, client_id: x}}', undefined],
  ])('judges %s', (text, words) => {
    const policy = parsePolicy(
      `schema: 1\nurl: https://binder.campus\nclusters: {campus: {}}\n${text}\n`,
      'serve.yaml',
    );
    const check = () => checkSignIn(signInOptions({ value: policy }), new URL(policy.url));
    if (words === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(words);
  });
});

it('follows the policy in whom to ask and how often one may sign in', () => {
  const at = (more: string) =>
    parsePolicy(
      `url: https://b.campus\nclusters: {campus: {}}\nsign_in: {header: {name: X-Remote-User, from: [unix]}}\n${more}`,
      'serve.yaml',
    );
  const policy = { value: at('') };
  const { contact, rate } = signInOptions(policy);
  expect([contact?.(), rate?.()]).toEqual([undefined, { count: 60, seconds: 60 }]);
  policy.value = at('accounts: {contact: hpc-help}\nrate: {sign_in: 5 per 1h}\n');
  expect([contact?.(), rate?.()]).toEqual(['hpc-help', { count: 5, seconds: 3600 }]);
});

it('is told that nothing but https or loopback can be served', async () => {
  const header = { name: 'X-Remote-User', from: ['192.0.2.7'] };
  const created = createSignIn({ header, accounts: () => RULES }, at.state, new URL('http://binder.campus/'));
  await expect(created).rejects.toMatchObject({ message: expect.stringContaining('is not https') });
});
