/** What a launch would meet, and the way to start sooner, over the real endpoint before a fake cluster. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SoonerView } from '../../../core/endpoint.ts';
import { session } from '../../sessions/example.ts';
import { type Actor, SESSION, type Told, World } from './rig.ts';

const world = new World();
let alice: Actor;
let bob: Actor;
let admin: Actor;
const COMMIT = 'd'.repeat(40);
const REPO = { provider: 'gh', spec: 'org/repo/HEAD' };

beforeAll(async () => {
  await world.open(`ceilings: {time: 12h}
limits: {sessions: 900, per_user: 900, per_repository: 900, launches: 900, launches_per_user: 900}
rate: {forecast: 500 per 1m, launches: 500 per 1m}`);
  [alice, bob, admin] = [await world.signIn('alice'), await world.signIn('bob'), await world.signIn('root-of-all')];
});
afterAll(() => world.close());
afterEach(() => {
  world.began = undefined;
  world.outlook = {};
});

const post = (who: Actor, path: string, body: object = {}): Promise<Told> =>
  world.ask(path, {
    method: 'POST',
    headers: { ...who.headers, 'X-Xsrftoken': who.xsrf ?? '', 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
const forecast = async (who: Actor, body: object = {}) =>
  JSON.parse((await post(who, '/api/v1/forecast', { ...REPO, commit: COMMIT, ...body })).body);

/** A launch of alice's whose job waits. */
async function waiting(): Promise<{ id: string; session: string }> {
  world.began = (_user, { id, keep }) => {
    const hers = world.state.session(SESSION)?.record;
    if (!hers) throw new Error('alice has no session');
    const { secrets } = hers;
    const job = { state: 'pending' as const, raw: 'PENDING', nodes: [] };
    keep({
      ...session,
      id,
      phase: 'queued',
      jobId: '4711',
      job,
      secrets,
      request: { ...session.request, seconds: 7200 },
    });
  };
  const { body } = await post(alice, '/api/v1/launches', { provider: 'gh', spec: `org/w${Math.random()}/HEAD` });
  return JSON.parse(body);
}

describe('the forecast', () => {
  it('says when it would start, and what policy would cut, and begins nothing', async () => {
    const before = world.state.launches({}).length;
    const told = await forecast(alice, { seconds: 86_400 });
    expect(told.notes).toEqual(['12 h instead of 1 d: the limit of this endpoint']);
    expect(told.start.by).toBe('scheduler');
    expect(world.state.launches({}).length).toBe(before);
  });

  it('is of what policy grants, and is refused where policy refuses', async () => {
    let seconds = 0;
    world.outlook.start = async (_user, granted) => {
      seconds = granted.seconds ?? 0;
      return { by: 'scheduler' };
    };
    await forecast(alice, { seconds: 86_400 });
    expect(seconds).toBe(43_200);
    const { status, body } = await post(alice, '/api/v1/forecast', { ...REPO, app: 'lab', cluster: 'nowhere' });
    expect([status, JSON.parse(body).error.code]).toEqual([403, 'E-POLICY-CLUSTER']);
  });

  it('leaves out what nobody answers', async () => {
    world.outlook.start = async () => {
      throw new Error('the scheduler is away');
    };
    expect(await forecast(alice)).toEqual({ notes: [], image: { state: 'none' } });
  });

  it('knows the image of a commit that a launch has met, for whom it belongs to, as long as it is in the store', async () => {
    world.began = (_user, { news }) => {
      news?.({ type: 'build', state: 'waits' });
      news?.({ type: 'build', state: 'builds' });
      news?.({ type: 'build', state: 'made' });
      const key = 'e'.repeat(32);
      const builtAt = new Date().toISOString();
      news?.({ type: 'image', commit: COMMIT, platform: 'linux/amd64', key, bytes: 410e6, builtAt });
    };
    expect((await forecast(alice)).image).toEqual({ state: 'none' });
    await post(alice, '/api/v1/launches', REPO);
    expect((await forecast(alice)).image).toMatchObject({
      state: 'ready',
      bytes: 410e6,
      buildSeconds: expect.any(Number),
    });
    expect((await forecast(alice, { commit: 'f'.repeat(40) })).image).toMatchObject({ state: 'earlier' });
    expect((await forecast(bob)).image).toEqual({ state: 'none', buildSeconds: expect.any(Number) });
    world.outlook.holds = async () => false;
    expect((await forecast(alice)).image.state).toBe('none');
  });

  it('is asked by nobody more often than policy lets them', async () => {
    const mallory = new World();
    try {
      await mallory.open('rate: {forecast: 3 per 1h}');
      const who = await mallory.signIn('bob');
      const headers = { ...who.headers, 'X-Xsrftoken': who.xsrf ?? '', 'Content-Type': 'application/json' };
      const ask = async () =>
        (await mallory.ask('/api/v1/forecast', { method: 'POST', headers, body: JSON.stringify(REPO) })).status;
      expect([await ask(), await ask(), await ask(), await ask()]).toEqual([200, 200, 200, 429]);
    } finally {
      await mallory.close();
    }
  });
});

describe('start sooner', () => {
  const shape = { partition: 'gpu', seconds: 3600, cpus: 2, memoryMb: 8192, gpus: 0 };
  const sooner = (): SoonerView => ({
    askedAt: Math.round(Date.now() / 1000),
    own: { by: 'scheduler', words: '2 h on gpu', shape: { ...shape, seconds: 7200 } },
    others: [
      { by: 'scheduler', at: Math.round(Date.now() / 1000), words: '1 h on gpu', shape },
      { by: 'scheduler', at: 0, words: '20 h on gpu', shape: { ...shape, seconds: 72_000 } },
    ],
    asked: 6,
    canChange: true,
  });

  it('offers on the page what policy gives, and a click changes the waiting job in place, audited', async () => {
    const { id, session: of } = await waiting();
    world.outlook.sooner = async () => sooner();
    const asked = await post(alice, `/launches/${id}/sooner`);
    expect([asked.status, asked.headers.location]).toEqual([303, `/launches/${id}`]);
    const { sooner: known } = JSON.parse(
      /data-props="([^"]*)"/
        .exec((await world.ask(`/launches/${id}`, { headers: alice.headers })).body)?.[1]
        ?.replaceAll('&quot;', '"')
        .replaceAll('&amp;', '&') ?? '{}',
    );
    expect(known.others.map(({ words }: { words: string }) => words)).toEqual(['1 h on gpu']);
    world.outlook.reshape = async (_user, record) => ({ ...record, request: { ...record.request, ...shape } });
    expect((await post(alice, `/api/v1/launches/${id}/shape`, shape)).status).toBe(200);
    expect(world.state.session(of)?.record.request.seconds).toBe(3600);
    const [line] = world.state.audit.read({ limit: 1 });
    expect(line).toMatchObject({ account: 'alice', action: 'reshape', launch: id, session: of });
    const events = await world.ask(`/api/v1/launches/${id}/events`, { headers: alice.headers });
    expect(events.body).toContain('changed to 1 h on gpu: job 4711 waits on as that');
  });

  it('changes nothing to what policy would cut', async () => {
    const { id } = await waiting();
    let reshaped = false;
    world.outlook.reshape = async () => {
      reshaped = true;
      return undefined;
    };
    const { status } = await post(alice, `/api/v1/launches/${id}/shape`, { ...shape, seconds: 72_000 });
    expect([status, reshaped]).toEqual([403, false]);
  });

  it("is the owner's alone: for bob and for an admin there is no such launch", async () => {
    const { id } = await waiting();
    world.asked.length = 0;
    for (const who of [bob, admin])
      for (const path of [`/api/v1/launches/${id}/sooner`, `/api/v1/launches/${id}/shape`, `/launches/${id}/shape`])
        expect([path, (await post(who, path, shape)).status]).toEqual([path, 404]);
    expect(world.asked).toEqual([]);
  });

  it('is refused where no job waits', async () => {
    world.began = undefined;
    const { body } = await post(alice, '/api/v1/launches', { provider: 'gh', spec: 'org/unbegun/HEAD' });
    const { status, body: why } = await post(alice, `/api/v1/launches/${JSON.parse(body).id}/sooner`);
    expect([status, JSON.parse(why).error.message]).toEqual([409, 'no job of this launch waits in the queue']);
  });
});
