/** The pages in the real endpoint (gate, sign-in, policy, state), before a fake cluster: every form leads where it says. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Services } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import { type Endpoint, openEndpoint } from '../../../server/endpoint/endpoint.ts';
import { PolicyFile } from '../../../server/policy/index.ts';
import { State } from '../../../server/state/index.ts';
import { StaticFiles } from '../../../server/web/index.ts';
import { ensureBrowser, launchBrowser } from '../../browser.mjs';
import { NO_OUTLOOK } from '../no-outlook.ts';
import { NO_TOKENS } from '../no-tokens.ts';
import { choices } from './canned.ts';
import { transpiled } from './rig.ts';

const SECRET = 'what-only-the-reverse-proxy-knows-0123456789';
let directory: string;
let endpoint: Endpoint;
let state: State;
let policy: PolicyFile;

/** A cluster that offers, and whose launches wait until they are cancelled. */
const never = () => {
  throw new HpcbinderError('E-SSH-UNREACHABLE', { message: 'the fake cluster does no more than this' });
};
const fakeServices: Services = {
  clusters: ['campus'],
  offers: async () => choices().offers ?? never(),
  resolve: async () => never(),
  repositoryTokens: NO_TOKENS,
  outlook: NO_OUTLOOK,
  async *launch(_user, _granted, { signal }) {
    yield { type: 'start', phase: 'queue', text: 'waiting: the fake cluster starts nothing' };
    yield { type: 'log', phase: 'queue', line: 'a line of the log' };
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    return never();
  },
  refresh: async (_user, record) => record,
  follow: async (_user, record) => record,
  stop: async (_user, record) => record,
  extend: async () => never(),
  touch: async () => {},
  log: async () => never(),
  reap: async () => [],
  connect: async () => never(),
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hb-pages-'));
  const save = (name: string, text: string) => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const port = await freePort();
  const secret = save('secret', SECRET);
  const path = save(
    'serve.yaml',
    `url: http://localhost:${port}/hub/
listen: 127.0.0.1:${port}
sign_in: {header: {name: X-Remote-User, from: [127.0.0.1], secret: {header: X-Proxy-Secret, file: ${secret}}}}
accounts: {map: {alice: alice, bob: bob, eve: eve}, admins: [alice]}
clusters: {campus: {}}
`,
  );
  policy = new PolicyFile(path);
  state = State.open(join(directory, 'state'));
  const files = new StaticFiles(transpiled);
  endpoint = await openEndpoint({
    services: fakeServices,
    state,
    policy,
    product: 'hpcbinder/0',
    log: () => {},
    files,
  });
});
afterAll(async () => {
  await endpoint?.close();
  policy?.close();
  state?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Below the endpoint's path, where it is not yet. */
const at = (path: string) => new URL(path.startsWith('/hub/') ? path : `/hub${path}`, endpoint.url);

/** A browser that was signed in through the reverse proxy. */
async function browserOf(account: string) {
  const proxy = { 'X-Remote-User': account, 'X-Proxy-Secret': SECRET };
  const first = await fetch(at('/sign-in'), { redirect: 'manual', headers: proxy });
  const cookie = first.headers
    .getSetCookie()
    .map((each) => each.split(';', 1)[0])
    .join('; ');
  const ask = async (path: string, how: RequestInit = {}) => {
    const headers = { ...proxy, Cookie: cookie, Accept: 'text/html', ...how.headers };
    const answer = await fetch(at(path), { redirect: 'manual', ...how, headers });
    return { status: answer.status, to: answer.headers.get('location') ?? '', body: await answer.text() };
  };
  const xsrf = /name="_xsrf" value="([^"]+)"/.exec((await ask('/')).body)?.[1] ?? '';
  return {
    get: (path: string) => ask(path),
    post: (path: string, fields: Record<string, string>, proof = xsrf) =>
      ask(path, { method: 'POST', body: new URLSearchParams({ ...fields, _xsrf: proof }) }),
  };
}

describe('the pages in the endpoint', () => {
  it('have a route for each of their forms, and it asks for proof of the click (WEB-05)', async () => {
    const alice = await browserOf('alice');
    const launched = await alice.post('/launch', { repo: 'org/repo', partition: 'gpu', gpus: '1', time: '1h' });
    expect([launched.status, launched.body]).toEqual([303, '']);
    const pages = [
      '/',
      '/sessions',
      '/tokens',
      '/repositories',
      '/me',
      '/admin',
      new URL(launched.to, endpoint.url).pathname,
    ];
    const actions = new Set<string>();
    for (const path of pages) {
      const { status, body } = await alice.get(path);
      expect([path, status]).toEqual([path, 200]);
      for (const [form] of body.matchAll(/<form [^>]*method="post"[^>]*>/g))
        actions.add(/action="([^"]+)"/.exec(form)?.[1] ?? form);
    }
    expect(actions.size).toBeGreaterThanOrEqual(7);
    for (const action of actions) {
      const { status } = await alice.post(
        action,
        { name: 'x', scopes: 'read', days: '1', host: 'x', token: 'y' },
        'forged',
      );
      expect([action, status]).toEqual([action, 403]);
    }
  });

  it('come back, after the sign-in, to the link that was clicked', async () => {
    const link = '/hub/v2/gh/org/repo/main?partition=gpu';
    const { headers } = await fetch(at(link), { redirect: 'manual', headers: { Accept: 'text/html' } });
    expect(headers.get('location')).toBe(`/hub/sign-in?next=${encodeURIComponent(link)}`);
    expect((await (await browserOf('alice')).get(link)).body).toContain('<h1>org/repo @ main</h1>');
  });

  it('show a launch as it goes on, its log, and that it was cancelled', async () => {
    const alice = await browserOf('alice');
    const { to } = await alice.post('/launch', { repo: 'org/other', time: '1h' });
    const path = new URL(to, endpoint.url).pathname;
    expect((await alice.get(path)).body).toContain('waiting: the fake cluster starts nothing');
    expect((await alice.get(`${path}/log`)).body).toContain('a line of the log');
    expect((await alice.get('/sessions')).body).toContain('org/other');
    expect((await alice.post(`${path}/cancel`, {})).status).toBe(303);
    expect((await alice.get(path)).body).toContain('Cancelled.');
    const bob = await browserOf('bob');
    for (const theirs of [path, `${path}/log`]) expect((await bob.get(theirs)).status).toBe(404);
    expect((await bob.post(`${path}/relaunch`, {})).status).toBe(404);
  });

  it('are live in a browser: the launch is followed as it goes on', async () => {
    ensureBrowser();
    const browser = await launchBrowser();
    const extraHTTPHeaders = { 'X-Remote-User': 'alice', 'X-Proxy-Secret': SECRET };
    const page = await (await browser.newContext({ extraHTTPHeaders })).newPage();
    const refused: string[] = [];
    page.on('console', (message) => message.type() === 'error' && refused.push(message.text()));
    await page.goto(at('/v2/gh/org/live/main?partition=gpu&gpus=1').href);
    await page.locator('#repo-check', { hasText: 'the fake cluster does no more than this' }).waitFor();
    refused.length = 0;
    await page.getByRole('button', { name: 'Launch' }).click();
    await page.locator('.phases li.running', { hasText: 'the fake cluster starts nothing' }).waitFor();
    await page.locator('details.log > summary').click();
    await page.locator('.terminal', { hasText: 'a line of the log' }).waitFor();
    await page.locator('summary', { hasText: 'Cancel the launch' }).click();
    await page.getByRole('button', { name: 'Cancel it' }).click();
    await page.locator('.state', { hasText: 'Cancelled.' }).waitFor();
    await page.goto(at('/sessions').href);
    await page.getByRole('heading', { name: 'My sessions' }).waitFor();
    await browser.close();
    expect(refused).toEqual([]);
  }, 30_000);

  it('say in the form what policy refuses, with what was typed', async () => {
    const bob = await browserOf('bob');
    const { status, body } = await bob.post('/launch', { repo: 'zenodo.org/records/1', time: '1h' });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body).toMatch(/role="alert"/);
    expect(body).toMatch(/name="repo"[^>]* value="zenodo.org\/records\/1"/);
  });

  it('make a token that works, show it once, and revoke it', async () => {
    const bob = await browserOf('bob');
    const { status, body } = await bob.post('/tokens', { name: 'nightly', scopes: 'read', days: '30' });
    const token = /class="token"[^>]*>([^<]+)</.exec(body)?.[1] ?? '';
    expect([status, token.length > 20]).toEqual([200, true]);
    const me = () => fetch(at('/api/v1/me'), { headers: { Authorization: `Bearer ${token}` } });
    expect(await (await me()).json()).toMatchObject({ account: 'bob' });
    const listed = (await bob.get('/tokens')).body;
    expect(listed).not.toContain(token);
    expect((await bob.post(/action="([^"]+\/revoke)"/.exec(listed)?.[1] ?? '', {})).status).toBe(303);
    expect((await me()).status).toBe(401);
  });

  it('give and delete what is kept of a person, and of no other', async () => {
    const [bob, eve] = [await browserOf('bob'), await browserOf('eve')];
    const theirs = JSON.parse((await bob.get('/api/v1/export')).body);
    expect(JSON.stringify(theirs)).toContain('token-create');
    expect(JSON.stringify(theirs)).not.toContain('org/repo');
    expect((await bob.post('/me/delete', {})).status).toBe(303);
    expect(state.tokens.list('bob')).toEqual([]);
    expect((await eve.get('/me')).status).toBe(200);
  });

  it('do not delete what still runs', async () => {
    const eve = await browserOf('eve');
    const { to } = await eve.post('/launch', { repo: 'org/repo', time: '1h' });
    const { status, body } = await eve.post('/me/delete', {});
    expect(status).toBe(409);
    expect(body).toContain('Stop these first');
    expect((await eve.get(to)).status).toBe(200);
  });

  it('let admins, and nobody else, drain and announce', async () => {
    const [alice, bob] = [await browserOf('alice'), await browserOf('bob')];
    expect((await bob.get('/admin')).status).toBe(403);
    expect((await bob.post('/admin/drain', { on: '1' })).status).toBe(403);
    await alice.post('/admin/drain', { on: '1', why: 'moving house' });
    await alice.post('/admin/announcement', { text: 'Friday <b>' });
    const { body } = await bob.get('/');
    expect(body).toContain('No new launches at present: moving house');
    expect(body).toContain('Friday &lt;b>');
    expect((await bob.post('/launch', { repo: 'org/repo' })).body).toMatch(/moving house/);
    await alice.post('/admin/drain', {});
    await alice.post('/admin/announcement', { text: '' });
    expect((await bob.get('/')).body).not.toMatch(/No new launches|Friday/);
    expect((await alice.get('/admin')).body).toContain('serve.yaml');
  });
});
