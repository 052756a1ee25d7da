/** `rate.requests`: an account's requests count together, and of whoever is not signed in those of their address (SECURITY ABU-01). */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Actor, type Asked, World } from './rig.ts';

const MOST = 20;
const RATE = `rate: {requests: ${MOST} per 1m}`;
const GUESSED = { Authorization: `Bearer hpct_${'A'.repeat(49)}` };
const FORGED = { Cookie: `hpcbinder=${'A'.repeat(43)}` };
const PAGE = { Accept: 'text/html' };

let world: World;
let alice: Actor;
let bob: Actor;
let admin: Actor;
let narrow: Actor;

/** Three times as often as one may, all from this address. */
async function often(path: string, how: Asked, from?: string) {
  const headers = { ...how.headers, ...(from === undefined ? {} : { 'X-Forwarded-For': from }) };
  const all = await Promise.all(Array.from({ length: 3 * MOST }, () => world.ask(path, { ...how, headers })));
  const refused = all.filter(({ status }) => status === 429);
  return { all, refused, let: all.length - refused.length };
}
const from = (address: string, headers: Record<string, string> = {}) => ({
  headers: { ...headers, 'X-Forwarded-For': address },
});

describe('behind a proxy that is trusted', () => {
  beforeAll(async () => {
    world = await new World().open(`trusted_proxies: [127.0.0.1]\n${RATE}`);
    [alice, bob, admin] = [await world.signIn('alice'), await world.signIn('bob'), await world.signIn('root-of-all')];
    narrow = await world.token(admin, 'read');
  });
  afterAll(() => world.close());

  const strangers: [string, string, Asked, number][] = [
    ['what needs a login', '/api/v1/me', {}, 401],
    ['what needs a login, with a guessed token', '/api/v1/sessions', { headers: GUESSED }, 401],
    ['what needs a login, with a forged cookie', '/api/v1/sessions', { headers: FORGED }, 401],
    ['what is for admins', '/api/v1/admin', {}, 401],
    ['a page, which leads to the sign-in', '/sessions', { headers: PAGE }, 302],
    [
      'a launch',
      '/api/v1/launches',
      { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' },
      401,
    ],
    ['what is not there', '/nothing/here', {}, 404],
    ['a page that is not there', '/nothing/here', { headers: PAGE }, 404],
    ['a method that is not there', '/api/v1/me', { method: 'PATCH' }, 404],
    ['what is for anyone', '/versions', {}, 200],
  ];
  it.each(strangers.map((each, i) => [...each, `10.1.0.${i + 1}`] as const))(
    'a stranger asks for %s so often and no more, another address may still',
    async (_what, path, how, status, address) => {
      const told = await often(path, how, address);
      expect(told.let).toBe(MOST);
      expect(new Set(told.all.map((each) => each.status))).toEqual(new Set([status, 429]));
      for (const { headers } of told.refused) {
        expect(Number(headers['retry-after'])).toBeGreaterThan(0);
        expect([headers['x-content-type-options'], headers['x-frame-options'], headers['cache-control']]).toEqual([
          'nosniff',
          'DENY',
          'no-store',
        ]);
      }
      if (how.headers !== PAGE) expect(told.refused[0]?.body).toContain('E-POLICY-RATE');
      expect((await world.ask('/api/v1/me', from('10.2.0.1'))).status).toBe(401);
    },
  );

  it('who is signed in at such an address goes on, and an account is let from no second address', async () => {
    await often('/nothing/here', {}, '10.3.0.1');
    expect((await world.ask('/api/v1/me', from('10.3.0.1'))).status).toBe(429);
    expect((await world.ask('/api/v1/me', from('10.3.0.1', alice.headers))).status).toBe(200);
    const told = await often('/api/v1/sessions', { headers: bob.headers }, '10.3.0.2');
    expect(told.let).toBeLessThanOrEqual(MOST);
    expect((await world.ask('/api/v1/sessions', from('10.3.0.3', bob.headers))).status).toBe(429);
    expect((await world.ask('/api/v1/me', from('10.3.0.2'))).status).toBe(401);
  });

  it('an admin’s login and narrow token are one account, and what is forbidden counts', async () => {
    const told = await often('/api/v1/admin', { headers: narrow.headers }, '10.4.0.1');
    expect(new Set(told.all.map(({ status }) => status))).toEqual(new Set([403, 429]));
    expect(told.let).toBeLessThanOrEqual(MOST);
    expect((await world.ask('/api/v1/admin', from('10.4.0.2', admin.headers))).status).toBe(429);
  });

  it('a network of IPv6 is one address, in whatever spelling', async () => {
    await often('/api/v1/me', {}, '2001:db8:1:2::1');
    expect((await world.ask('/api/v1/me', from('2001:DB8:1:2:ffff::9'))).status).toBe(429);
    expect((await world.ask('/api/v1/me', from('2001:db8:1:3::1'))).status).toBe(401);
  });

  it('the alarm, the metrics and the sign-in answer again for others than who asks too often', async () => {
    await often('/sign-in', { headers: PAGE }, '10.5.0.1');
    for (const path of ['/health', '/metrics', '/sign-in'])
      expect([path, (await world.ask(path, from('10.5.0.2'))).status]).not.toEqual([path, 429]);
  });
});

describe('without a proxy', () => {
  beforeAll(async () => {
    world = await new World().open(RATE);
    [alice, bob] = [await world.signIn('alice'), await world.signIn('bob')];
  });
  afterAll(() => world.close());

  it('requests are counted for each account: over the rate they are refused, and another account is not', async () => {
    const { refused } = await often('/api/v1/sessions', { headers: bob.headers });
    expect(refused.length).toBeGreaterThanOrEqual(2 * MOST);
    expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused[0]?.body).toContain('E-POLICY-RATE');
    expect((await world.ask('/api/v1/sessions', { headers: alice.headers })).status).toBe(200);
  });

  it('nobody gets a new address by naming one', async () => {
    const all = [];
    for (let i = 0; i < 3 * MOST; i++) all.push((await world.ask('/api/v1/me', from(`10.6.0.${i}`))).status);
    expect(all.filter((status) => status === 429).length).toBeGreaterThanOrEqual(2 * MOST);
    expect((await world.ask('/api/v1/me', { headers: alice.headers })).status).toBe(200);
  });
});
