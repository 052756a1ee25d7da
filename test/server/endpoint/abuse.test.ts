/** More than one may ask for, through the API of the whole endpoint: many at once, numbers out of range, SQL, large bodies. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSessionId } from '../../../core/ids.ts';
import { type Actor, SESSION, World } from './rig.ts';

const world = new World();
let bob: Actor;
let alice: Actor;

beforeAll(async () => {
  await world.open(`limits: {per_user: 4, launches_per_user: 3}
repositories: {ban: ["github.com/evil/*"]}
rate: {launches: 60 per 1h, requests: 100000 per 1m}`);
  bob = await world.signIn('bob');
  alice = await world.signIn('alice');
});
afterAll(() => world.close());

const launch = (who: Actor, wanted: Record<string, unknown>) =>
  world.ask('/api/v1/launches', {
    method: 'POST',
    headers: { ...who.headers, 'X-Xsrftoken': who.xsrf ?? '', 'Content-Type': 'application/json' },
    body: JSON.stringify({ provider: 'gh', spec: 'org/repo/HEAD', ...wanted }),
  });
const begun = () => world.asked.filter((each) => each.startsWith('launch ')).length;

describe('the API of launches', () => {
  it('refuses numbers, names and paths out of range before anything is begun (ABU-08, INJ-08)', async () => {
    const odd: Record<string, unknown>[] = [
      ...[0, -1, 59, 1e12, 1.5, '2h', '999-00:00:00', null, Infinity].map((seconds) => ({ seconds })),
      ...[0, -1, 1e6, 0.5, '4', [4]].map((cpus) => ({ cpus })),
      ...[0, -1, 1e13, '10T'].map((memoryMb) => ({ memoryMb })),
      ...[-1, 1e6, '1-1000', true].map((gpus) => ({ gpus })),
      ...['-p', '--wrap=id', 'a b', 'a;id', '$(id)', 'a\nb', '', 'a'.repeat(200), '1-1000%5['].flatMap((word) => [
        { partition: word },
        { account: word },
        { qos: word },
        { cluster: word },
        { gpuType: word },
      ]),
      { array: '1-1000' },
      { env: { LD_PRELOAD: '/tmp/x.so' } },
      { mount: '/home' },
      { app: 'bash' },
      { provider: '../..' },
      { provider: 'zz' },
      { spec: '' },
      { spec: '--upload-pack=id' },
      { spec: 'a'.repeat(3000) },
      { data: ['../../etc'] },
      { nodes: 1_000_000 },
    ];
    for (const each of odd) {
      const { status, body } = await launch(bob, each);
      expect([each, [400, 403, 404].includes(status), body]).toEqual([each, true, expect.stringContaining('"error"')]);
    }
    expect(begun()).toBe(0);
  });

  it('refuses a banned repository in any case (ABU-07)', async () => {
    for (const spec of ['evil/miner/HEAD', 'EVIL/Miner/HEAD', 'Evil/miner/main']) {
      const { status } = await launch(bob, { spec });
      expect([spec, status]).toEqual([spec, 403]);
    }
    expect(begun()).toBe(0);
  });

  it('takes SQL for a word, wherever it stands (INJ-15)', async () => {
    const before = JSON.stringify(world.state.sessions({}));
    const words = [
      "' OR 1=1 --",
      '"; DROP TABLE sessions; --',
      "hb-' UNION SELECT 1",
      '%27%20OR%201=1',
      '\u0000',
      'hb-%',
    ];
    for (const word of words) {
      const at = encodeURIComponent(word);
      for (const path of [
        `/api/v1/sessions/${at}`,
        `/api/v1/launches/${at}`,
        `/sessions/${at}/log`,
        `/launches/${at}`,
      ]) {
        const { status, body } = await world.ask(path, { headers: bob.headers });
        expect([path, [400, 404].includes(status), body.includes(SESSION)]).toEqual([path, true, false]);
      }
      const { status } = await launch(bob, { spec: `org/${word}/HEAD` });
      expect([word, [400, 403, 404].includes(status)]).toEqual([word, true]);
      await world.ask('/api/v1/sessions', { headers: { Authorization: `Bearer ${at}`, Cookie: `hpcbinder=${at}` } });
    }
    expect(JSON.stringify(world.state.sessions({}))).toBe(before);
  });

  it('takes `__proto__` and `constructor` for a field too many (INJ-16)', async () => {
    for (const body of [
      '{"__proto__":{"roles":["admin"]},"provider":"gh","spec":"o/r/HEAD"}',
      '{"constructor":{"prototype":{"x":1}}}',
    ]) {
      const { status } = await world.ask('/api/v1/launches', {
        method: 'POST',
        headers: { ...bob.headers, 'X-Xsrftoken': bob.xsrf ?? '', 'Content-Type': 'application/json' },
        body,
      });
      expect(status).toBe(400);
    }
    expect(({} as Record<string, unknown>).x).toBeUndefined();
    expect((await world.ask('/api/v1/admin', { headers: bob.headers })).status).toBe(403);
  });

  it('reads no body over 64 KiB (WEB-17)', async () => {
    const { status } = await launch(bob, { path: 'a'.repeat(70_000) });
    expect(status).toBe(413);
  });

  it('begins as many of 1,000 at once as one user may have, and tells the others so; alice still launches (ABU-01, ABU-02)', async () => {
    const all = await Promise.all(Array.from({ length: 1000 }, (_, i) => launch(bob, { spec: `org/repo-${i}/HEAD` })));
    expect(all.filter(({ status }) => status === 202)).toHaveLength(3);
    const refused = all.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(997);
    for (const { headers, body } of refused) {
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      expect(body).toMatch(/"E-POLICY-(?:FULL|RATE)"/);
    }
    expect(begun()).toBe(3);
    expect((await launch(alice, {})).status).toBe(202);
  }, 60_000);

  it('joins one that is on its way: the same asked for 20 times is one launch (ABU-01)', async () => {
    const before = begun();
    const all = await Promise.all(Array.from({ length: 20 }, () => launch(alice, {})));
    expect(new Set(all.map(({ body }) => JSON.parse(body).id)).size).toBe(1);
    expect(begun()).toBe(before);
  });
});

describe('the name of a session', () => {
  it('comes once in 100,000, and is nobody else’s once it was somebody’s (ABU-04)', () => {
    expect(new Set(Array.from({ length: 100_000 }, newSessionId)).size).toBe(100_000);
    const hers = world.state.session(SESSION);
    if (!hers) throw new Error('no session');
    expect(() => world.state.saveSession(hers.record, { account: 'bob' })).toThrow(/alice|owner|another/);
    expect(world.state.session(SESSION)?.account).toBe('alice');
  });
});

describe('statements', () => {
  it('are texts of ours: values are bound, and what is put into a text is of a fixed set (INJ-15)', () => {
    const sources = ['server', 'cli', 'sessions', 'jobs', 'core', 'transports'].flatMap((room) =>
      readdirSync(room, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => `${room}/${name}`),
    );
    expect(sources.length).toBeGreaterThan(200);
    const statements = sources.flatMap((path) =>
      [
        ...readFileSync(path, 'utf8').matchAll(/`[^`]*\b(?:SELECT|INSERT|UPDATE|DELETE|PRAGMA|ATTACH|VACUUM)\b[^`]*`/g),
      ].map(([text]) => ({ path, text })),
    );
    expect(statements.length).toBeGreaterThan(10);
    const parts = statements.flatMap(({ path, text }) =>
      [...text.matchAll(/\$\{([^}]*)\}/g)].map(([, part = '']) => `${path} ${part}`),
    );
    // tables and columns of the schema, marks for values, and a condition that is there or not
    expect([...new Set(parts)].sort()).toEqual([
      'server/state/keeping.ts table',
      'server/state/keeping.ts where',
      'server/state/repair.ts key',
      'server/state/repair.ts marks',
      "server/state/repair.ts names.join(', ')",
      'server/state/repair.ts table',
    ]);
  });
});
