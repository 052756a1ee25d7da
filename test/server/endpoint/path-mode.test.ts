/**
 * Where sessions share the endpoint's origin (`sessions: path`): the matrix of the router's table once more, and a session's own
 * path × methods × {HTTP, upgrade, stream} as everybody. What users may do to each other there by script is said in docs/security.md.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { raw, statusOf, upgradeText } from '../rig.ts';
import { type Actor, CANARY, SESSION, World } from './rig.ts';

// thousands of requests, on a machine that may have more to do
jest.setTimeout(60_000);
World.mode = 'path';
await import('./matrix.test.ts');

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const PATHS = ['', 'lab', 'lab?reset', 'api/contents', 'api/kernels/x/channels', 'files/a%2Fb', '_hpcbinder/page'];
const BOBS = 'hb-bobsbobsbo';

const world = new World();
let alice: Actor & { cookie: string };
let bob: Actor & { cookie: string };
let admin: Actor & { cookie: string };
let tokens: Actor[];

beforeAll(async () => {
  await world.open(undefined, { others: { bob: BOBS } });
  [alice, bob, admin] = [await world.signIn('alice'), await world.signIn('bob'), await world.signIn('root-of-all')];
  tokens = [await world.token(bob, 'launch'), await world.token(alice, 'launch')];
});
afterAll(() => world.close());

const connects = () => world.asked.filter((each) => each.startsWith('connect ')).length;
const origin = () => `http://${world.host}`;

/** The address that opens it once, and then the cookie that stands for it. */
async function enter(who: Actor, session: string): Promise<string> {
  const { body } = await world.ask(`/api/v1/sessions/${session}/open`, {
    method: 'POST',
    headers: { ...who.headers, 'X-Xsrftoken': who.xsrf ?? '', 'Content-Type': 'application/json' },
    body: '{}',
  });
  const { pathname, search } = new URL(JSON.parse(body).url);
  const { status, headers } = await world.ask(pathname + search);
  expect([pathname.startsWith(`/s/${session}/`), status]).toEqual([true, 302]);
  const cookie = headers['set-cookie']?.[0] ?? '';
  expect(cookie).toContain(`Path=/s/${session}/;`);
  return cookie.split(';', 1)[0] ?? '';
}

/** Each method, a stream and an upgrade of one address: what they answer, once each. */
async function tried(path: string, headers: Record<string, string>): Promise<number[]> {
  const told = new Set<number>();
  for (const method of METHODS) {
    const body = ['POST', 'PUT', 'PATCH'].includes(method) ? { body: '{}' } : {};
    const from: Record<string, string> = method === 'GET' ? {} : { Origin: origin() };
    told.add((await world.ask(path, { method, headers: { ...headers, ...from }, ...body })).status);
  }
  const { status, body } = await world.ask(path, { headers: { ...headers, Accept: 'text/event-stream' } });
  told.add(status);
  expect(body).not.toContain(CANARY);
  const to = { host: world.host, origin: origin(), cookie: '' };
  told.add(statusOf(await raw(world.port, upgradeText(to, { Cookie: undefined, ...headers }, path))));
  return [...told];
}

describe("alice's session below the endpoint's own origin", () => {
  it('is reached by her: each time the fake cluster is asked for its node', async () => {
    const before = connects();
    const Cookie = `${alice.cookie}; ${await enter(alice, SESSION)}`;
    expect(await tried(`/s/${SESSION}/lab`, { Cookie })).toEqual([503]);
    expect(connects()).toBeGreaterThan(before + METHODS.length);
  });

  it("is reached by nobody else: bob, an admin, his own session's cookie, tokens, forged ones (WEB-02, WEB-03)", async () => {
    const [hers, his] = [await enter(alice, SESSION), await enter(bob, BOBS)];
    const [name = '', value = ''] = hers.split('=');
    const before = connects();
    const others: Record<string, string>[] = [
      {},
      { Cookie: alice.cookie },
      bob.headers,
      admin.headers,
      ...tokens.map(({ headers }) => headers),
      { ...bob.headers, Cookie: `${bob.cookie}; ${his}` },
      { ...bob.headers, Cookie: `${bob.cookie}; ${name}=${his.split('=')[1]}` },
      { ...bob.headers, Cookie: `${bob.cookie}; ${name}=${value.replace('.alice.', '.bob.')}` },
      { Cookie: `${name}=${'A'.repeat(43)}` },
    ];
    for (const path of PATHS)
      for (const headers of others)
        expect([path, headers.Cookie, await tried(`/s/${SESSION}/${path}`, headers)]).toEqual([
          path,
          headers.Cookie,
          [403],
        ]);
    expect(connects()).toBe(before);
  });

  it('is not reached from within his own by any spelling of a path (WEB-08)', async () => {
    const Cookie = `${bob.cookie}; ${await enter(bob, BOBS)}`;
    const connectsOfHers = () => world.asked.filter((each) => each === `connect ${SESSION}`).length;
    const before = connectsOfHers();
    for (const path of [
      `/s/${BOBS}/../${SESSION}/lab`,
      `/s/${BOBS}/%2e%2e/${SESSION}/lab`,
      `/s/${BOBS}/..%2f${SESSION}/lab`,
      `/s/${BOBS}/.%2e/${SESSION}/lab`,
      `/s/${BOBS}\\..\\${SESSION}/lab`,
      `//s/${SESSION}/lab`,
      `/s//${SESSION}/lab`,
      `/./s/${SESSION}/lab`,
      `/S/${SESSION}/lab`,
      `/s/${SESSION}`,
      `/s/${SESSION};/lab`,
      `/s/${SESSION}%2flab`,
      `/%73/${SESSION}/lab`,
      `http://${world.host}/s/${SESSION}/lab`,
      `/s/${BOBS}/s/${SESSION}/../../../${SESSION}/lab`,
    ]) {
      const told = await tried(path, { Cookie });
      expect([path, told.filter((status) => status < 400)]).toEqual([path, []]);
    }
    expect(connectsOfHers()).toBe(before);
  });

  it('is opened by her code alone, below its own path, once (TOK-06)', async () => {
    const { body } = await world.ask(`/api/v1/sessions/${SESSION}/open`, {
      method: 'POST',
      headers: { ...alice.headers, 'X-Xsrftoken': alice.xsrf ?? '', 'Content-Type': 'application/json' },
      body: '{}',
    });
    const { search } = new URL(JSON.parse(body).url);
    const elsewhere = await world.ask(`/s/${BOBS}/lab${search}`);
    expect([elsewhere.status, elsewhere.headers['set-cookie']]).toEqual([403, undefined]);
    expect((await world.ask(`/s/${SESSION}/lab${search}`)).status).toBe(302);
    const again = await world.ask(`/s/${SESSION}/lab${search}`);
    expect([again.status, again.headers['set-cookie']]).toEqual([403, undefined]);
  });

  it('refuses requests and upgrades of other origins, with her cookie too (WEB-04, WEB-05)', async () => {
    const Cookie = await enter(alice, SESSION);
    const before = connects();
    for (const Origin of ['https://evil.example', 'null', origin().toUpperCase(), `${origin()}0`]) {
      const headers = { Cookie, Origin };
      const { status } = await world.ask(`/s/${SESSION}/api/contents`, { method: 'POST', headers, body: '{}' });
      const to = { host: world.host, origin: origin(), cookie: '' };
      const upgrade = await raw(world.port, upgradeText(to, headers, `/s/${SESSION}/api/kernels/x/channels`));
      expect([Origin, status, statusOf(upgrade)]).toEqual([Origin, 403, 403]);
    }
    expect(connects()).toBe(before);
  });
});
