/** The OpenAPI file against the routes and against what they answer. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FormatRegistry, type TObject, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { ANSWERS, Problem } from '../../../server/endpoint/routes/answers.ts';
import { type Actor, LAUNCH, SESSION, World } from './rig.ts';

FormatRegistry.Set('date-time', (text) => !Number.isNaN(Date.parse(text)));
FormatRegistry.Set('uri', (text) => URL.canParse(text));

type Operation = { description: string; security?: unknown[]; responses: Record<string, { description: string }> };
type File = { openapi: string; paths: Record<string, Record<string, Operation>> };

const world = new World();
let alice: Actor;
let file: File;
beforeAll(async () => {
  await world.open();
  alice = await world.signIn('alice');
  file = JSON.parse((await world.ask('/openapi.json')).body) as File;
});
afterAll(() => world.close());

const operations = () =>
  Object.entries(file.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );

/** As it is, and nothing beside: what the file does not name would be missing in it. */
function closed(schema: TSchema): TSchema {
  if (schema.type === 'array') return { ...schema, items: closed(schema.items) };
  if (schema.type !== 'object' || schema.additionalProperties === true) return schema;
  const properties = Object.entries((schema as TObject).properties ?? {}).map(([name, one]) => [name, closed(one)]);
  return { ...schema, properties: Object.fromEntries(properties), additionalProperties: false };
}

const wrong = (schema: TSchema, body: string) =>
  [...Value.Errors(closed(schema), JSON.parse(body))].map(({ path, message }) => `${path}: ${message}`);

describe('the OpenAPI file', () => {
  it('has what a program can ask, with the scope that its token needs, and no page or form of a browser', () => {
    const api = world.endpoint.routes.filter(({ rule }) => rule?.scope !== undefined);
    const named = api.map(({ method, url }) => `${method} ${url.replace(/:([a-z]+)/g, '{$1}')}`);
    const all = operations().map(({ name }) => name);
    expect(all).toEqual(expect.arrayContaining(named));
    for (const { name, operation } of operations())
      expect([name, operation.description]).toEqual([
        name,
        expect.stringMatching(named.includes(name) ? /scope `(?:read|launch|stop|admin)`/ : /^For anyone/),
      ]);
    expect(
      all.filter((name) => /sign-in|static|\/admin|GET \/sessions/.test(name) && !/\/api\/v1\//.test(name)),
    ).toEqual([]);
  });

  it('says what an answer is, also one that refuses', () => {
    for (const { name, operation } of operations())
      expect([name, Object.keys(operation.responses).sort()]).toEqual([
        name,
        [name === 'POST /api/v1/launches' ? '202' : '200', '4XX', '5XX'],
      ]);
    expect(
      Object.keys(ANSWERS)
        .map((name) => name.replace(/:([a-z]+)/g, '{$1}').replace('*', '{*}'))
        .filter((name) => !operations().some((one) => one.name === name)),
    ).toEqual([]);
  });

  it.each([
    ['GET /api/v1/launches', '/api/v1/launches'],
    ['GET /api/v1/launches/:id', `/api/v1/launches/${LAUNCH}`],
    ['GET /api/v1/sessions', '/api/v1/sessions'],
    ['GET /api/v1/sessions/:id', `/api/v1/sessions/${SESSION}`],
    ['GET /api/v1/sessions/:id/figures', `/api/v1/sessions/${SESSION}/figures`],
  ])('is right about %s', async (name, path) => {
    const { status, body } = await world.ask(path, { headers: alice.headers });
    expect(status).toBe(200);
    expect(wrong(ANSWERS[name]?.body ?? Type.Never(), body)).toEqual([]);
  });

  it('is right about launches, opened sessions and refusals', async () => {
    const post = (path: string, body: object) =>
      world.ask(path, {
        method: 'POST',
        headers: { ...alice.headers, 'X-Xsrftoken': alice.xsrf ?? '', 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
    const launched = await post('/api/v1/launches', { provider: 'gh', spec: 'org/repo/HEAD' });
    expect([launched.status, wrong(ANSWERS['POST /api/v1/launches']?.body ?? Type.Never(), launched.body)]).toEqual([
      202,
      [],
    ]);
    const opened = await post(`/api/v1/sessions/${SESSION}/open`, {});
    expect([
      opened.status,
      wrong(ANSWERS['POST /api/v1/sessions/:id/open']?.body ?? Type.Never(), opened.body),
    ]).toEqual([200, []]);
    const refused = await post('/api/v1/launches', { provider: 'gh', spec: '' });
    expect([refused.status, wrong(Problem, refused.body)]).toEqual([400, []]);
  });
});
