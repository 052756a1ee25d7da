/**
 * Words that mean something to a database, in every query, path, header and body of every route of the endpoint (SECURITY INJ-15), and
 * sign-ins by the ten thousand with names of a megabyte (WEB-21). No cluster is needed.
 */
import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Actor, CANARY, LAUNCH, SESSION, World } from '../../server/endpoint/rig.ts';

const WORDS = [
  "'",
  '"',
  "' OR '1'='1",
  "' OR 1=1 --",
  "') OR ('1'='1",
  "admin'--",
  '1; DROP TABLE sessions',
  "'; DROP TABLE sessions; --",
  "' UNION SELECT secrets FROM sessions --",
  "' UNION SELECT NULL, NULL, secrets FROM sessions --",
  "alice' --",
  "alice'/*",
  "1' AND sleep(5) --",
  "' AND 1=randomblob(100000000) --",
  "'||(SELECT secrets FROM sessions)||'",
  '" OR ""="',
  '%',
  '_',
  'hb-%',
  '*',
  "x' ESCAPE '\\",
  "\\' OR 1=1 --",
  "' GLOB '*",
  '1 OR 1=1',
  '1)) OR 1=1 --',
  "' HAVING 1=1 --",
  "' ORDER BY 99 --",
  "' LIMIT 1,1 --",
  "'; ATTACH DATABASE '/tmp/x' AS y; --",
  "'; PRAGMA writable_schema=1; --",
  "'; VACUUM INTO '/tmp/x'; --",
  "load_extension('/tmp/x')",
  "json_extract(secrets,'$')",
  '%27%20OR%201%3D1',
  '\u02bc OR 1=1',
  '\uff07 OR 1=1',
  'NULL',
  'x'.repeat(300),
  '{"$ne":null}',
  'a\';b"c`d',
];
const FIELDS = [
  'repo',
  'ref',
  'next',
  'state',
  'code',
  'cluster',
  'partition',
  'limit',
  'account',
  'done',
  'sort',
  'filter',
  'path',
  'id',
  'name',
];

const world = new World();
let bob: Actor;
let before: string;

beforeAll(async () => {
  await world.open();
  bob = await world.signIn('bob');
  before = kept();
}, 60_000);
afterAll(() => world.close());

/** What may not change, and nobody but alice may see. */
function kept(): string {
  const { state } = world;
  return JSON.stringify([
    state.sessions({}).map(({ record, account }) => [record, account]),
    state.launches({}).map((one) => [one.id, one.account, one.state]),
    state.tokens.list('alice'),
  ]);
}

describe('every route', () => {
  it('takes 40 words of SQL for words, wherever they stand (INJ-15)', async () => {
    let asked = 0;
    for (const word of WORDS) {
      const it = encodeURIComponent(word);
      const query = FIELDS.map((name) => `${name}=${it}`).join('&');
      const header = word.replace(/[^\x20-\x7e]/g, '').slice(0, 500);
      for (const { method, url } of world.endpoint.routes) {
        const path = url.replace(/:[a-z]+/g, it).replace('*', `org/${it}/HEAD`);
        const fields = Object.fromEntries(FIELDS.map((name) => [name, word]));
        const said = {
          'X-Forwarded-For': header,
          'User-Agent': header,
          Referer: header,
          'Accept-Language': header,
          Accept: asked % 2 ? 'text/html' : 'application/json',
        };
        const told = await world.ask(`${path}?${query}`, {
          method,
          headers: { ...said, ...bob.headers, 'X-Xsrftoken': bob.xsrf ?? '', 'Content-Type': 'application/json' },
          ...(method === 'GET' ? {} : { body: JSON.stringify(fields) }),
        });
        asked += 1;
        expect([method, url, word, told.status < 500]).toEqual([method, url, word, true]);
        const seen = JSON.stringify(told.headers) + told.body;
        for (const hers of [CANARY, SESSION, LAUNCH])
          expect([method, url, word, seen.includes(hers)]).toEqual([method, url, word, false]);
        // a sign-out is one of them
        if (url === '/sign-out' || url === '/api/v1/me') bob = await world.signIn('bob');
      }
    }
    expect(asked).toBeGreaterThan(2_000);
    expect(kept()).toBe(before);
  }, 280_000);
});

describe('sign-ins', () => {
  it('that fail by the ten thousand, with long names, leave a few kilobytes and slow nobody else (WEB-21)', async () => {
    const size = () => statSync(world.state.path).size + statSync(`${world.state.path}-wal`).size;
    const first = size();
    const { headers } = bob;
    const long = 'a'.repeat(3_000);
    const statuses = new Map<number, number>();
    for (let round = 0; round < 100; round++) {
      const all = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          world.ask(i % 2 ? `/sign-in/callback?state=${long}&code=${long}` : '/sign-in', {
            headers: { ...headers, Cookie: `hpcbinder=${'A'.repeat(43)}`, 'X-Remote-User': `${long}${round}-${i}` },
          }),
        ),
      );
      for (const { status } of all) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect([...statuses.keys()].filter((status) => status < 400 || status >= 500)).toEqual([]);
    expect(size() - first).toBeLessThan(6 << 20);
    expect(
      world.state.audit.read({ limit: 500 }).filter(({ action }) => action === 'sign-in-refused').length,
    ).toBeLessThan(100);
    expect((await world.signIn('alice')).name).toBe('alice');
  }, 120_000);
});
