/**
 * Every route of the router's own table, as everybody (SECURITY WEB-02, 03, 05, 15, 22, 24). A route that is added is asked without
 * anybody thinking of it; one that takes a body has to be given one here.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SCOPES } from '../../../core/endpoint.ts';
import type { RouteRow } from '../../../server/endpoint/app.ts';
import { type Actor, CANARY, LAUNCH, SESSION, type Told, World } from './rig.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const JSON_TYPE = { 'Content-Type': 'application/json' };
/** of nobody */
const GHOSTS = { session: 'hb-nobodys000', launch: 'la-0000000000000000', token: 'nobodys-token' };

/** What routes with a schema want, so that they are refused for nothing else. */
const BODIES: Readonly<Record<string, unknown>> = {
  '/api/v1/resolve': { provider: 'gh', spec: 'org/repo/HEAD' },
  '/api/build-token': { provider: 'gh', spec: 'org/repo/HEAD' },
  '/api/v1/launches': { provider: 'gh', spec: 'org/repo/HEAD' },
  '/api/v1/forecast': { provider: 'gh', spec: 'org/repo/HEAD' },
  '/api/v1/launches/:id/shape': { seconds: 3600, cpus: 1, memoryMb: 1024, gpus: 0 },
  '/launches/:id/shape': { seconds: '3600', cpus: '1', memoryMb: '1024', gpus: '0' },
  '/api/v1/sessions/:id/extend': { seconds: 60 },
  '/api/v1/tokens': { name: 'another', scopes: ['read'] },
  '/api/v1/admin/drain': { on: false },
  '/api/v1/admin/announcement': { on: false },
  '/api/v1/repository-tokens': { host: 'git.example.edu', token: 'a-token' },
  '/repositories': { host: 'git.example.edu', token: 'a-token' },
  '/tokens': { name: 'another', scopes: 'read', days: '1' },
  '/launch': { repo: 'org/repo' },
  '/sessions/:id/extend': { seconds: '60' },
};

const world = new World();
let alice: Actor;
let bob: Actor;
let admin: Actor;
/** `admin`: those without the scope admin */
let tokens: { alice: Actor[]; bob: Actor[]; admin: Actor[] };
/** id of a token of alice's */
let aliceToken = '';
const anonymous: Actor = { name: 'nobody', headers: {} };
const forged: Actor = { name: 'a forged cookie', headers: { Cookie: `hpcbinder=${'A'.repeat(43)}` } };
/** her cookie, in a browser of which the reverse proxy says that it is bob's */
let stolen: Actor;
const guessed: Actor = { name: 'a guessed token', headers: { Authorization: `Bearer hbt_${'A'.repeat(49)}` } };

beforeAll(async () => {
  await world.open();
  alice = await world.signIn('alice');
  bob = await world.signIn('bob');
  admin = await world.signIn('root-of-all');
  stolen = {
    name: "alice's cookie with bob's name",
    headers: { ...bob.headers, Cookie: alice.headers.Cookie ?? '' },
    xsrf: alice.xsrf ?? '',
  };
  const scopes = SCOPES.filter((scope) => scope !== 'admin');
  const mine = await Promise.all(scopes.map((scope) => world.token(alice, scope)));
  aliceToken = mine[0]?.id ?? '';
  tokens = {
    alice: mine,
    bob: await Promise.all(scopes.map((scope) => world.token(bob, scope))),
    admin: await Promise.all([...scopes.map((scope) => world.token(admin, scope)), world.token(admin, ...scopes)]),
  };
  const { body } = await world.ask('/api/v1/launches', {
    method: 'POST',
    headers: { ...clicked(alice), ...JSON_TYPE },
    body: JSON.stringify({ provider: 'gh', spec: `org/${CANARY}-other/HEAD` }),
  });
  world.running = JSON.parse(body).id;
});
afterAll(() => world.close());

const clicked = ({ headers, xsrf }: Actor) => ({ ...headers, ...(xsrf ? { 'X-Xsrftoken': xsrf } : {}) });
const rows = (): readonly RouteRow[] => world.endpoint.routes;
const bodyOf = ({ url }: RouteRow) => JSON.stringify(BODIES[url] ?? {});

/** A route's address with ids in their places. */
function address({ url }: Pick<RouteRow, 'url'>, ids: typeof GHOSTS): string {
  const id = url.includes('/sessions/') ? ids.session : url.includes('/launches/') ? ids.launch : ids.token;
  return url
    .replace(':id', id)
    .replace(':provider', 'gh')
    .replace(':host', 'git.example.edu')
    .replace(/:name\b/, url.startsWith('/static') ? 'style.css' : 'campus')
    .replace('*', 'org/repo/HEAD');
}
const hers = () => ({ session: SESSION, launch: LAUNCH, token: aliceToken });
const others = () => [anonymous, forged, guessed, stolen, bob, ...tokens.bob, ...tokens.admin];

/** What happened that could matter: at the clusters, and to what is kept. */
function traces(): string {
  const { state, asked } = world;
  return JSON.stringify([
    asked,
    state.sessions({}).map(({ record, account }) => [record.id, record.phase, account]),
    state.launches({}).map((one) => [one.id, one.state]),
    ['alice', 'bob'].map((account) => state.tokens.list(account).map(({ id }) => id)),
    [state.settings.get('drain'), state.settings.get('announcement')],
    state.audit.read({ limit: 500 }).filter(({ action }) => action !== 'token-refused').length,
  ]);
}

describe('every route of the table', () => {
  it('has a rule, and is there', () => {
    expect(rows().length).toBeGreaterThan(60);
    expect(rows().filter(({ rule }) => rule === undefined)).toEqual([]);
  });

  it('that is not for anyone tells nothing to nobody, a forged cookie or a guessed token (WEB-02)', async () => {
    const before = traces();
    for (const row of rows().filter(({ rule }) => rule?.who !== 'anyone'))
      for (const actor of [anonymous, forged, guessed, stolen]) {
        const path = address(row, hers());
        const how = { method: row.method, ...(row.method === 'GET' ? {} : { body: bodyOf(row) }) };
        const script = await world.ask(path, { ...how, headers: { ...clicked(actor), ...JSON_TYPE } });
        expect([row.method, row.url, actor.name, script.status]).toEqual([row.method, row.url, actor.name, 401]);
        const page = await world.ask(path, {
          ...how,
          headers: { ...clicked(actor), ...JSON_TYPE, Accept: 'text/html' },
        });
        expect([row.url, [302, 303, 401].includes(page.status)]).toEqual([row.url, true]);
        if (page.status !== 401) expect(page.headers.location).toMatch(/^\/sign-in\?next=%2F/);
        expect(script.body + page.body).not.toContain(CANARY);
      }
    expect(traces()).toBe(before);
  });

  it('answers a token only what its scope is for, whosever it is (WEB-22)', async () => {
    const before = traces();
    for (const row of rows().filter(({ rule }) => rule?.who !== 'anyone'))
      for (const { name, headers, scope } of [...tokens.alice, ...tokens.bob].map((each) => ({
        ...each,
        scope: each.name.replace(/.* /, ''),
      }))) {
        if (row.rule?.who === 'user' && row.rule.scope === scope) continue;
        const body = row.method === 'GET' ? {} : { body: bodyOf(row) };
        const told = await world.ask(address(row, hers()), {
          method: row.method,
          headers: { ...headers, ...JSON_TYPE },
          ...body,
        });
        expect([row.method, row.url, name, told.status]).toEqual([row.method, row.url, name, 403]);
        expect(told.body).not.toContain(CANARY);
      }
    expect(traces()).toBe(before);
  });

  it("is for alice's things what it is for things that are not there, to bob, all tokens of his and narrow ones of an admin (WEB-02, WEB-15, WEB-22)", async () => {
    const before = traces();
    const named = rows().filter(({ url }) => url.includes(':id'));
    expect(named.length).toBeGreaterThan(20);
    for (const row of named)
      for (const actor of others())
        for (const accept of ['application/json', 'text/html']) {
          const headers = { ...clicked(actor), ...JSON_TYPE, Accept: accept };
          const ask = (ids: typeof GHOSTS) =>
            world.ask(address(row, ids), {
              method: row.method,
              headers,
              ...(row.method === 'GET' ? {} : { body: bodyOf(row) }),
            });
          const [real, running, ghost] = await Promise.all([
            ask(hers()),
            ask({ ...hers(), launch: world.running }),
            ask(GHOSTS),
          ]);
          // the address that was asked for may be repeated, and nothing else tells them apart
          const neutral = (text: string) =>
            [SESSION, LAUNCH, world.running, aliceToken, ...Object.values(GHOSTS)].reduce(
              (all, id) => all.replaceAll(id, 'ID'),
              text,
            );
          for (const told of [real, running]) {
            expect([row.method, row.url, actor.name, told.status]).toEqual([
              row.method,
              row.url,
              actor.name,
              ghost.status,
            ]);
            expect(neutral(told.body)).toBe(neutral(ghost.body));
            expect(told.status).toBeGreaterThanOrEqual(300);
          }
          if (actor === bob && row.rule?.who === 'user')
            expect([row.url, [400, 404].includes(real.status)]).toEqual([row.url, true]);
        }
    expect(traces()).toBe(before);
  });

  it("shows bob none of alice's, wherever he looks (WEB-02)", async () => {
    for (const row of rows().filter(({ method }) => method === 'GET'))
      for (const actor of [bob, ...tokens.bob, ...tokens.admin])
        for (const accept of ['application/json', 'text/html', 'text/event-stream']) {
          const { headers, body } = await world.ask(address(row, GHOSTS), {
            headers: { ...actor.headers, Accept: accept },
          });
          // their own tokens are named with the word
          const all = (JSON.stringify(headers) + body).replaceAll(/canary-(?:(?:read|launch|stop)\b-?)+/g, '');
          for (const word of [CANARY, SESSION, LAUNCH, world.running, aliceToken, 'alice'])
            expect([row.url, actor.name, word, all.includes(word)]).toEqual([row.url, actor.name, word, false]);
        }
  });

  it('answers no method that is not in the table, and does nothing then (WEB-05)', async () => {
    const before = traces();
    const known = new Set(rows().map(({ method, url }) => `${method} ${url}`));
    for (const row of rows())
      for (const method of METHODS) {
        const there = known.has(`${method === 'HEAD' ? 'GET' : method} ${row.url}`);
        if (there) continue;
        for (const actor of [alice, admin]) {
          const body = ['GET', 'HEAD', 'OPTIONS'].includes(method) ? {} : { headers: JSON_TYPE, body: bodyOf(row) };
          const override = { 'X-HTTP-Method-Override': row.method, 'X-Method-Override': row.method };
          const told = await world.ask(address(row, hers()), {
            method,
            ...body,
            headers: { ...clicked(actor), ...body.headers, ...override },
          });
          expect([method, row.url, told.status]).toEqual([method, row.url, 404]);
        }
      }
    expect(traces()).toBe(before);
  });

  it('does nothing on a GET or HEAD, however it came about: a link may be pressed anywhere (WEB-05, WEB-06)', async () => {
    const before = traces().replaceAll(`"log ${SESSION}",`, '');
    const strange = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' };
    for (const row of rows().filter(({ method }) => method === 'GET'))
      for (const actor of [alice, admin])
        for (const method of ['GET', 'HEAD'])
          for (const accept of ['text/html', 'text/event-stream'])
            await world.ask(`${address(row, hers())}?build_token=${'A'.repeat(43)}&partition=gpu&repo=org/repo`, {
              method,
              headers: { ...actor.headers, ...strange, Accept: accept },
            });
    expect(traces().replaceAll(`"log ${SESSION}",`, '').replaceAll(`,"log ${SESSION}"`, '')).toBe(before);
  });

  it('that is for anyone is one of these', () => {
    const open = rows().filter(({ rule }) => rule?.who === 'anyone');
    expect(open.map(({ method, url }) => `${method} ${url}`).sort()).toEqual([
      'GET /api/repoproviders',
      'GET /badge.svg',
      'GET /badge_logo.svg',
      'GET /build/:provider/*',
      'GET /health',
      'GET /metrics',
      'GET /openapi.json',
      'GET /repo/*',
      'GET /sign-in',
      'GET /sign-in/callback',
      'GET /sign-out',
      'GET /static/:name',
      'GET /versions',
      'POST /sign-out',
    ]);
  });

  it('that acts is refused without the proof of a click: no value, another login’s, a foreign or sibling origin (WEB-05, ABU-05)', async () => {
    const before = traces();
    const acting = rows().filter(({ rule, method }) => rule?.acts || method !== 'GET');
    expect(acting.length).toBeGreaterThan(25);
    const own = world.endpoint.url.replace(/\/$/, '');
    const sibling = `http://${SESSION}.${world.host}`;
    for (const row of acting) {
      const actor = row.rule?.who === 'admin' ? admin : alice;
      const right = clicked(actor);
      const tries: Record<string, string>[] = [
        actor.headers,
        { ...actor.headers, Origin: own },
        { ...actor.headers, 'X-Xsrftoken': bob.xsrf ?? '' },
        { ...actor.headers, 'X-Xsrftoken': '' },
        { ...right, Origin: 'https://evil.example' },
        { ...right, Origin: sibling },
        { ...right, Origin: 'null' },
        { ...right, Origin: own.toUpperCase() },
        { ...right, 'Sec-Fetch-Site': 'same-site' },
        { ...right, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' },
        { ...right, 'Sec-Fetch-Site': 'none' },
      ];
      for (const headers of tries) {
        const told = await world.ask(address(row, hers()), {
          method: row.method,
          headers: { ...headers, ...JSON_TYPE },
          body: bodyOf(row),
        });
        expect([row.method, row.url, headers, told.status]).toEqual([row.method, row.url, headers, 403]);
      }
    }
    // the same as forms and as text, which another site's page can send without asking first
    for (const type of ['application/x-www-form-urlencoded', 'text/plain'])
      for (const row of acting) {
        const actor = row.rule?.who === 'admin' ? admin : alice;
        const told = await world.ask(address(row, hers()), {
          method: row.method,
          headers: { ...actor.headers, 'Content-Type': type },
          body: type === 'text/plain' ? bodyOf(row) : '_xsrf=',
        });
        expect([row.url, type, [400, 403, 415].includes(told.status)]).toEqual([row.url, type, true]);
      }
    expect(traces()).toBe(before);
  });

  it('brings the same headers with every answer by any method: pages, errors, redirects, refusals of the front (WEB-20)', async () => {
    const answers: [string, Told][] = [];
    const keep = async (what: string, told: Promise<Told>) => void answers.push([what, await told]);
    for (const row of rows())
      for (const actor of [anonymous, bob])
        for (const method of [row.method, 'PATCH', 'OPTIONS'])
          await keep(
            `${method} ${row.url} ${actor.name}`,
            world.ask(address(row, GHOSTS), { method, headers: { ...actor.headers, Accept: 'text/html' } }),
          );
    const post = { method: 'POST', headers: { ...clicked(bob), ...JSON_TYPE } };
    await keep('413', world.ask('/api/v1/launches', { ...post, body: 'a'.repeat(70_000) }));
    await keep('400', world.ask('/api/v1/launches', { ...post, body: '{' }));
    await keep(
      '415',
      world.ask('/launch', { ...post, headers: { ...clicked(bob), 'Content-Type': 'a/b' }, body: 'x' }),
    );
    await keep('404', world.ask('/nothing/here', { headers: { Accept: 'text/html' } }));
    await keep('421', world.ask('/', { headers: { Host: 'evil.example' } }));
    await keep('400 of the front', world.ask('/a/../b'));
    await keep('501', world.ask('/', { method: 'POST', headers: { 'Transfer-Encoding': 'gzip, chunked' } }));
    const many = Object.fromEntries(Array.from({ length: 110 }, (_, i) => [`x-${i}`, '1']));
    await keep('431', world.ask('/', { headers: many }));
    await keep('a session that is not there', world.ask('/lab', { headers: { Host: `hb-0000000000.${world.host}` } }));
    await keep('a session, to nobody', world.ask('/lab', { headers: { Host: `${SESSION}.${world.host}` } }));
    expect(new Set(answers.map(([, { status }]) => status)).size).toBeGreaterThanOrEqual(9);
    for (const [what, { headers }] of answers) {
      const policy = String(headers['content-security-policy'] ?? '');
      expect([what, headers['x-content-type-options'], headers['x-frame-options'] ?? 'DENY']).toEqual([
        what,
        'nosniff',
        'DENY',
      ]);
      expect([
        what,
        /default-src 'none'|sandbox/.test(policy),
        !policy.includes('sandbox') && /unsafe|\*(?!\.)/.test(policy),
      ]).toEqual([what, true, false]);
      expect([what, headers['referrer-policy']]).toEqual([
        what,
        expect.stringMatching(/^(?:no-referrer|same-origin)$/),
      ]);
      expect([what, headers['access-control-allow-origin'], headers['x-powered-by'], headers.server]).toEqual([
        what,
        undefined,
        undefined,
        undefined,
      ]);
    }
  }, 60_000);

  it('brings the headers of every page and answer, errors too, and never a word of a foreign Host (WEB-20, WEB-24)', async () => {
    for (const row of rows().filter(({ method }) => method === 'GET'))
      for (const actor of [anonymous, alice]) {
        const { headers } = await world.ask(address(row, GHOSTS), {
          headers: { ...actor.headers, Accept: row.url.startsWith('/build') ? 'text/event-stream' : 'text/html' },
        });
        expect([row.url, headers['x-content-type-options']]).toEqual([row.url, 'nosniff']);
        expect([row.url, headers['access-control-allow-origin']]).toEqual([row.url, undefined]);
        if ((headers['content-type'] ?? '').startsWith('text/html')) {
          expect([row.url, headers['content-security-policy']]).toEqual([
            row.url,
            expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
          ]);
          expect(headers['content-security-policy']).not.toContain('unsafe');
          expect([row.url, headers['referrer-policy']]).toEqual([
            row.url,
            expect.stringMatching(/^(?:no-referrer|same-origin)$/),
          ]);
        }
        const foreign = await world.ask(address(row, GHOSTS), { headers: { ...actor.headers, Host: 'evil.example' } });
        expect([row.url, foreign.status]).toEqual([row.url, 421]);
        expect(JSON.stringify(foreign.headers) + foreign.body).not.toContain('evil');
        const told = await world.ask(address(row, GHOSTS), {
          headers: { ...actor.headers, 'X-Forwarded-Host': 'evil.example', Forwarded: 'host=evil.example' },
        });
        expect(JSON.stringify(told.headers) + told.body).not.toContain('evil');
      }
  });
});

describe('a role', () => {
  it('that is not an admin’s, or a token without the scope, does nothing at what is for admins (WEB-22, WEB-23)', async () => {
    const before = traces();
    const theirs = rows().filter(({ rule }) => rule?.who === 'admin');
    expect(theirs.length).toBeGreaterThanOrEqual(5);
    for (const row of theirs)
      for (const actor of [alice, bob, ...tokens.alice, ...tokens.bob, ...tokens.admin]) {
        const told = await world.ask(address(row, hers()), {
          method: row.method,
          headers: { ...clicked(actor), ...JSON_TYPE },
          ...(row.method === 'GET' ? {} : { body: bodyOf(row) }),
        });
        expect([row.method, row.url, actor.name, told.status]).toEqual([row.method, row.url, actor.name, 403]);
      }
    expect(traces()).toBe(before);
    expect(before).not.toContain('drain');
  });

  it('of an admin looks at alice’s session and may stop it, and opens, extends and reads nothing of it (WEB-22)', async () => {
    const may = new Set([
      'GET /api/v1/sessions/:id',
      'GET /api/v1/sessions/:id/figures',
      'POST /api/v1/sessions/:id/stop',
      'POST /sessions/:id/stop',
    ]);
    const wide = await world.token(admin, ...SCOPES);
    const named = rows().filter(({ url }) => url.includes('/sessions/:id'));
    const stops = (row: RouteRow) => Number(row.url.endsWith('/stop'));
    for (const row of [...named].sort((a, b) => stops(a) - stops(b))) {
      const told = await world.ask(address(row, hers()), {
        method: row.method,
        headers: { ...clicked(admin), ...JSON_TYPE },
        ...(row.method === 'GET' ? {} : { body: bodyOf(row) }),
      });
      const name = `${row.method} ${row.url}`;
      expect([name, told.status < 400]).toEqual([name, may.has(name)]);
      if (row.method === 'GET' && row.rule?.scope) {
        const byToken = await world.ask(address(row, hers()), { headers: wide.headers });
        expect([name, byToken.status < 400]).toEqual([name, may.has(name)]);
      }
      if (!may.has(name)) expect([name, told.body.includes(CANARY)]).toEqual([name, false]);
    }
  });

  it('of an admin looks at alice’s launch and may cancel it, by a login or a token of that scope (WEB-22)', async () => {
    const wide = await world.token(admin, ...SCOPES);
    const ids = { ...hers(), launch: world.running };
    const named = rows().filter(({ url }) => url.startsWith('/api/v1/launches/:id'));
    const looks = new Set(['', '/events', '/phases'].map((more) => `/api/v1/launches/:id${more}`));
    for (const row of named.filter(({ method }) => method === 'GET'))
      for (const { headers } of [admin, wide]) {
        const { status, body } = await world.ask(address(row, ids), { headers });
        expect([row.url, status < 400, body.includes(CANARY)]).toEqual([
          row.url,
          looks.has(row.url),
          looks.has(row.url),
        ]);
      }
    const cancelled = await world.ask(`/api/v1/launches/${world.running}`, { method: 'DELETE', headers: wide.headers });
    expect(cancelled.status).toBe(200);
  });
});

describe("alice's own", () => {
  it('routes are hers: without them all refusals above would prove nothing', async () => {
    // those that end a login or a launch, last
    const last = (row: RouteRow) =>
      Number(/cancel|sign-out|\/me|DELETE \/api\/v1\/launches/.test(`${row.method} ${row.url}`));
    const own = rows().filter(({ rule }) => rule?.who === 'user');
    for (const row of [...own].sort((a, b) => last(a) - last(b))) {
      const fresh = last(row) ? await world.signIn('alice') : alice;
      const told = await world.ask(address(row, hers()), {
        method: row.method,
        headers: { ...clicked(fresh), ...JSON_TYPE },
        ...(row.method === 'GET' ? {} : { body: bodyOf(row) }),
      });
      expect([row.method, row.url, [401, 403].includes(told.status)]).toEqual([row.method, row.url, false]);
    }
    for (const verb of ['stop', 'extend', 'log']) expect(world.asked).toContain(`${verb} ${SESSION}`);
  });
});
