/** Upgrades, streams, one-time links and Host names at the endpoint: what reaches alice's job, and what never does. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { raw, request, statusOf, until, upgradeText } from '../rig.ts';
import { type Actor, CANARY, SESSION, World } from './rig.ts';

let world: World;
let alice: Actor & { cookie: string };
let bob: Actor & { cookie: string };
let mode: 'wildcard' | 'path';

async function opened(as: typeof mode) {
  mode = as;
  world = await new World().open(undefined, { mode });
  alice = await world.signIn('alice');
  bob = await world.signIn('bob');
}

const host = () => (mode === 'path' ? world.host : `${SESSION}.${world.host}`);
const origin = () => `http://${host()}`;
/** Where the session's app begins. */
const base = () => (mode === 'path' ? `/s/${SESSION}/` : '/');
const socketPath = () => `${base()}api/kernels/1/channels`;
const connects = () => world.asked.filter((each) => each === `connect ${SESSION}`).length;
const JSON_TYPE = { 'Content-Type': 'application/json' };
const post = (who: Actor, path: string, body: unknown = {}) =>
  world.ask(path, {
    method: 'POST',
    headers: { ...who.headers, 'X-Xsrftoken': who.xsrf ?? '', ...JSON_TYPE },
    body: JSON.stringify(body),
  });

/** The address that opens it once, as path and query. */
async function link(who: Actor): Promise<string> {
  const { body } = await post(who, `/api/v1/sessions/${SESSION}/open`);
  const { pathname, search } = new URL(JSON.parse(body).url);
  return pathname + search;
}

/** The cookie of the session's origin, in the browser of whoever it is. */
async function enter(who: Actor): Promise<string> {
  const { headers, status } = await world.ask(await link(who), { headers: { Host: host() } });
  expect(status).toBe(302);
  return headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '';
}

/** What an app's page, an upgrade and a stream of the session's origin answer. */
async function tried(cookie: string | undefined): Promise<number[]> {
  const headers: Record<string, string> = cookie === undefined ? {} : { Cookie: cookie };
  const to = { host: host(), origin: origin(), cookie: '' };
  return [
    (await world.ask(`${base()}lab`, { headers: { Host: host(), ...headers } })).status,
    (
      await world.ask(`${base()}api/contents`, {
        method: 'POST',
        headers: { Host: host(), Origin: origin(), ...headers },
      })
    ).status,
    (await world.ask(`${base()}stream`, { headers: { Host: host(), Accept: 'text/event-stream', ...headers } })).status,
    statusOf(await raw(world.port, upgradeText(to, { Cookie: cookie }, socketPath()))),
  ];
}

describe.each(['wildcard', 'path'] as const)("alice's session at the endpoint, sessions: %s", (as) => {
  beforeAll(() => opened(as), 60_000);
  afterAll(() => world.close());

  it('is reached by her pages, requests, streams and WebSockets: the fake cluster is asked for its node each time', async () => {
    const before = connects();
    expect(await tried(await enter(alice))).toEqual([503, 503, 503, 503]);
    expect(connects()).toBe(before + 4);
  });

  it("is not reached with no cookie, bob's, a forged one, one of another session or bob's by her name (WEB-02, WEB-03)", async () => {
    const hers = await enter(alice);
    const [name = '', value = ''] = hers.split('=');
    const before = connects();
    const cookies = [
      undefined,
      alice.cookie,
      bob.cookie,
      `${name}=${'A'.repeat(43)}`,
      hers.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')),
      `${name}=${value.replace('.alice.', '.bob.')}`,
      `${name}=${value.replace(/^[0-9]+/, '99999999999')}`,
      `${name.slice(0, -1)}0=${value}`,
    ];
    for (const cookie of cookies) expect([cookie, await tried(cookie)]).toEqual([cookie, [403, 403, 403, 403]]);
    expect(connects()).toBe(before);
  });

  it('is not opened by bob or by an admin, and her link works once (WEB-02, TOK-06)', async () => {
    for (const who of [bob, await world.signIn('root-of-all')]) {
      const { status, body } = await post(who, `/api/v1/sessions/${SESSION}/open`);
      expect([who.name, status, body.includes(CANARY)]).toEqual([who.name, 404, false]);
    }
    const once = await link(alice);
    expect((await world.ask(once, { headers: { Host: host() } })).status).toBe(302);
    const again = await world.ask(once, { headers: { Host: host() } });
    expect([again.status, again.headers['set-cookie']]).toEqual([403, undefined]);
    const other = await link(alice);
    const elsewhere = await world.ask(mode === 'path' ? other.replace(SESSION, 'hb-0000000000') : other, {
      headers: { Host: mode === 'path' ? host() : `hb-0000000000.${world.host}` },
    });
    expect([elsewhere.status, elsewhere.headers['set-cookie']]).toEqual([421, undefined]);
  });

  it('opens a path below its own origin whatever is asked for (WEB-07)', async () => {
    for (const path of [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example/',
      '@evil.example',
      '..//evil.example',
      '.evil.example',
    ]) {
      const { status, body } = await post(alice, `/api/v1/sessions/${SESSION}/open`, { path });
      const opened = status === 200 ? new URL(JSON.parse(body).url).origin : origin();
      expect([path, opened]).toEqual([path, origin()]);
      if (status !== 200) continue;
      const target = JSON.parse(body).url.slice(origin().length);
      expect([path, target.startsWith(base())]).toEqual([path, true]);
      const { headers } = await world.ask(target, { headers: { Host: host() } });
      if (headers.location !== undefined)
        expect([path, new URL(headers.location, origin()).origin]).toEqual([path, origin()]);
    }
  });

  it('refuses upgrades of other origins, the endpoint’s own among them, before the cluster is asked (WEB-04)', async () => {
    const cookie = await enter(alice);
    const before = connects();
    const own = `http://${world.host}`;
    const foreign = ['https://evil.example', 'null', undefined, `http://hb-0000000000.${world.host}`];
    // one origin for all is what path mode means
    if (mode === 'wildcard') foreign.push(own);
    foreign.push(origin().replace('http:', 'https:'), `${origin()}0`, origin().toUpperCase(), `${origin()}/`);
    for (const Origin of foreign) {
      const to = { host: host(), origin: origin(), cookie };
      const answer = await raw(world.port, upgradeText(to, { Origin }, socketPath()));
      expect([Origin, statusOf(answer)]).toEqual([Origin, 403]);
    }
    expect(connects()).toBe(before);
  });

  it('dies with her login, for pages, streams and upgrades; another login of hers goes on (TOK-11)', async () => {
    const second = await world.signIn('alice');
    const [kept, gone] = [await enter(alice), await enter(second)];
    const waiting = await link(second);
    const { status } = await world.ask('/sign-out', {
      method: 'POST',
      headers: { ...second.headers, 'Content-Type': 'application/x-www-form-urlencoded' },
      body: `_xsrf=${second.xsrf}`,
    });
    expect(status).toBe(200);
    expect(await tried(gone)).toEqual([403, 403, 403, 403]);
    expect((await world.ask(waiting, { headers: { Host: host() } })).status).toBe(403);
    expect((await world.ask('/api/v1/sessions', { headers: second.headers })).status).toBe(401);
    expect(await tried(kept)).toEqual([503, 503, 503, 503]);
  });

  it('has one name: other spellings of the host, and absolute addresses, are answered by nobody (NET-10, WEB-08, WEB-24)', async () => {
    const cookie = await enter(alice);
    const before = connects();
    const hosts = [
      host().toUpperCase(),
      host().replace(':', '.:'),
      host().replace(/:.*/, ''),
      `${host()}0`,
      `x.${host()}`,
    ];
    hosts.push(
      SESSION,
      `evil.example`,
      `${SESSION}.evil.example`,
      `${host()}, evil.example`,
      `127.0.0.1:${world.port}`,
    );
    for (const each of hosts) {
      const answer = await request(world.port, { host: each, path: `${base()}lab`, headers: { Cookie: cookie } });
      expect([each, [400, 421].includes(statusOf(answer))]).toEqual([each, true]);
      const upgrade = await raw(world.port, upgradeText({ host: each, origin: origin(), cookie }, {}, socketPath()));
      expect([each, [400, 421].includes(statusOf(upgrade))]).toEqual([each, true]);
    }
    for (const path of [
      `${origin()}${base()}lab`,
      `http://${world.host}/api/v1/sessions`,
      '*',
      `${host()}/lab`,
      '//evil/lab',
    ])
      for (const at of [host(), world.host]) {
        const answer = await request(world.port, { host: at, path, headers: { Cookie: cookie } });
        expect([at, path, statusOf(answer)]).toEqual([at, path, 400]);
      }
    expect(connects()).toBe(before);
  });
});

describe("the endpoint's own origin", () => {
  beforeAll(() => opened('wildcard'), 60_000);
  afterAll(() => world.close());

  it('upgrades nothing, for nobody', async () => {
    for (const cookie of [alice.cookie, bob.cookie, '']) {
      const to = { host: world.host, origin: `http://${world.host}`, cookie };
      expect(statusOf(await raw(world.port, upgradeText(to)))).toBe(421);
    }
  });

  it('lets a foreign spelling of its name sign nobody in and answer nobody (WEB-24)', async () => {
    for (const each of [world.host.toUpperCase(), `localhost.:${world.port}`, 'localhost', `127.0.0.1:${world.port}`]) {
      const { status, body } = await world.ask('/api/v1/sessions', { headers: { ...alice.headers, Host: each } });
      expect([each, status, body.includes(CANARY)]).toEqual([each, 421, false]);
    }
  });

  it('ends an event stream with the login that asked for it (TOK-11)', async () => {
    const third = await world.signIn('alice');
    const { body } = await post(third, '/api/v1/launches', { provider: 'gh', spec: 'org/repo/HEAD' });
    let over = false;
    const reading = raw(
      world.port,
      [
        `GET /api/v1/launches/${JSON.parse(body).id}/events HTTP/1.1`,
        `Host: ${world.host}`,
        ...Object.entries(third.headers).map(([name, value]) => `${name}: ${value}`),
        '\r\n',
      ].join('\r\n'),
      20_000,
    ).then((text) => {
      over = true;
      return text;
    });
    await until(() => world.asked.length > 0);
    world.state.logins.endAll('alice');
    expect(await until(() => over, 8000)).toBe(true);
    expect(await reading).toContain(`${CANARY}-line`);
    alice = await world.signIn('alice');
  });

  it('launches by a badge’s stream only for the click of whoever clicked, once, for that repository (WEB-05)', async () => {
    const token = async () =>
      JSON.parse((await post(alice, '/api/build-token', { provider: 'gh', spec: 'org/badge/HEAD' })).body).token;
    const build = (who: Actor, spec: string, value: string, more: Record<string, string> = {}) =>
      world.ask(`/build/gh/${spec}?build_token=${value}`, {
        headers: { ...who.headers, Accept: 'text/event-stream', 'X-Xsrftoken': who.xsrf ?? '', ...more },
      });
    const launches = () => world.state.launches({}).length;
    const before = launches();
    const refused = [
      await build(bob, 'org/badge/HEAD', await token()),
      await build(alice, 'org/other/HEAD', await token()),
      await build(alice, 'org/badge/HEAD', await token(), { 'X-Xsrftoken': '' }),
      await build(alice, 'org/badge/HEAD', await token(), { 'X-Xsrftoken': bob.xsrf ?? '' }),
      await build(alice, 'org/badge/HEAD', await token(), { Origin: 'https://evil.example' }),
      await build(alice, 'org/badge/HEAD', await token(), { Origin: origin() }),
      await build(alice, 'org/badge/HEAD', await token(), { 'Sec-Fetch-Site': 'same-site' }),
      await build({ name: 'nobody', headers: {} }, 'org/badge/HEAD', await token()),
    ];
    for (const { body } of refused) expect(body).toMatch(/"phase":\s*"failed"/);
    expect(launches()).toBe(before);
    const good = await token();
    expect((await build(alice, 'org/badge/HEAD', good)).body).not.toMatch(/"phase":\s*"failed"/);
    expect(launches()).toBe(before + 1);
    expect((await build(alice, 'org/badge/HEAD', good)).body).toMatch(/"phase":\s*"failed"/);
    expect(launches()).toBe(before + 1);
  });
});
