/** An admin ends a launch of somebody's before it has a session, and sees who has signed in; nobody else does either (WEB-22, WEB-23). */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AdminView, LaunchView } from '../../../core/endpoint.ts';
import { type Actor, World } from './rig.ts';

/** more than the page and the API list */
const OTHERS = 210;
const world = new World();
let alice: Actor;
let bob: Actor;
let admin: Actor;
let launch = '';

beforeAll(async () => {
  await world.open(undefined, {
    before(state) {
      const [over] = state.launches({});
      const startedAt = new Date(Date.now() + 3_600_000).toISOString();
      for (let i = 0; over && i < OTHERS; i++)
        state.saveLaunch({
          ...over,
          id: `la-${String(i).padStart(16, '0')}`,
          account: 'bob',
          startedAt,
          state: 'failed',
        });
    },
  });
  alice = await world.signIn('alice');
  bob = await world.signIn('bob');
  admin = await world.signIn('root-of-all');
  launch = await launched('org/first/HEAD');
});
afterAll(() => world.close());

const post = (who: Actor, path: string, fields: Record<string, string> = {}) =>
  world.ask(path, {
    method: 'POST',
    headers: { ...who.headers, 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...fields, ...(who.xsrf ? { _xsrf: who.xsrf } : {}) }).toString(),
  });
const state = () => world.state.launch(launch)?.state;
const cancels = () => world.state.audit.read({}).filter(({ action }) => action === 'cancel');

async function launched(spec: string): Promise<string> {
  const { body } = await world.ask('/api/v1/launches', {
    method: 'POST',
    headers: { ...alice.headers, 'X-Xsrftoken': alice.xsrf ?? '', 'Content-Type': 'application/json' },
    body: JSON.stringify({ provider: 'gh', spec }),
  });
  return (JSON.parse(body) as LaunchView).id;
}
const adminPage = async (who: Actor) => world.ask('/admin', { headers: { ...who.headers, Accept: 'text/html' } });

describe('a launch of alice’s that is on its way', () => {
  it('has a button on the admins’ page, however many came after it; what is over has none', async () => {
    const { body } = await adminPage(admin);
    expect([...body.matchAll(/action="([^"]+\/cancel)"/g)].map(([, path]) => path)).toEqual([
      `/launches/${launch}/cancel`,
    ]);
  });

  it('is cancelled by no stranger, no other user, no narrow token of an admin and no click of another page', async () => {
    const path = `/launches/${launch}/cancel`;
    const forged = { ...admin, xsrf: bob.xsrf ?? '' };
    expect((await post({ name: 'nobody', headers: {} }, path, { from: 'admin' })).status).toBe(401);
    expect((await post(bob, path, { from: 'admin' })).status).toBe(404);
    expect((await post(forged, path, { from: 'admin' })).status).toBe(403);
    const tokens: [Actor, number][] = [
      [await world.token(bob, 'read', 'launch', 'stop'), 404],
      [await world.token(admin, 'read', 'launch', 'stop'), 404],
      [await world.token(admin, 'read', 'admin'), 403],
    ];
    for (const [{ name, headers }, status] of tokens) {
      const told = await world.ask(`/api/v1/launches/${launch}`, { method: 'DELETE', headers });
      expect([name, told.status]).toEqual([name, status]);
    }
    expect([state(), cancels()]).toEqual(['running', []]);
  });

  it('is not begun anew by an admin in alice’s place', async () => {
    expect((await post(admin, `/launches/${launch}/relaunch`)).status).toBe(404);
    expect(world.asked.filter((each) => each.endsWith(' admina'))).toEqual([]);
  });

  it('is cancelled by an admin, who comes back to the admins’ page; the audit log says whose it was, and alice is told', async () => {
    const { status, headers } = await post(admin, `/launches/${launch}/cancel`, { from: 'admin' });
    expect([status, headers.location]).toEqual([303, '/admin']);
    expect(state()).toBe('cancelled');
    expect(cancels()).toMatchObject([{ account: 'admina', launch, detail: 'of alice' }]);
    const page = await world.ask(`/launches/${launch}`, { headers: { ...alice.headers, Accept: 'text/html' } });
    expect(page.body).toContain('an admin of this endpoint has cancelled it');
    expect((await adminPage(admin)).body).not.toContain('/cancel"');
  });

  it('is cancelled by alice as before, and by an admin’s token with both scopes', async () => {
    launch = await launched('org/second/HEAD');
    expect((await post(alice, `/launches/${launch}/cancel`)).headers.location).toBe(`/launches/${launch}`);
    expect([state(), cancels()[0]?.detail]).toEqual(['cancelled', undefined]);
    launch = await launched('org/third/HEAD');
    const { headers } = await world.token(admin, 'stop', 'admin');
    expect((await world.ask(`/api/v1/launches/${launch}`, { method: 'DELETE', headers })).status).toBe(200);
    expect([state(), cancels()[0]?.detail]).toEqual(['cancelled', 'of alice']);
  });
});

describe('the people who have signed in', () => {
  it('are on the admins’ page and in its view, as on the command line', async () => {
    const table = /aria-label="Users".*?<\/table>/s.exec((await adminPage(admin)).body)?.[0] ?? '';
    for (const name of ['alice', 'bob', 'admina', 'root-of-all']) expect(table).toContain(`<td>${name}</td>`);
    const { body } = await world.ask('/api/v1/admin', { headers: admin.headers });
    expect((JSON.parse(body) as AdminView).users).toEqual(world.state.logins.users());
  });

  it('are shown to no stranger, user or narrow token', async () => {
    const token = await world.token(admin, 'read', 'launch', 'stop');
    for (const who of [{ name: 'nobody', headers: {} }, bob, token])
      for (const told of [await adminPage(who), await world.ask('/api/v1/admin', { headers: who.headers })]) {
        expect(told.status).toBeGreaterThanOrEqual(300);
        expect(told.body).not.toContain('root-of-all');
      }
  });
});
