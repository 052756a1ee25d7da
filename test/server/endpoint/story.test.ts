/** What a launch tells, at the endpoint: in order for whoever comes, and a build that never stops to talk fits (F-47). */
import { request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Story } from '../../../server/endpoint/story.ts';
import { type Actor, World } from './rig.ts';

type Over = { type: 'over' };
const heard = async (story: Story<Over>, signal = new AbortController().signal) => {
  const all = [];
  for await (const event of story.from(signal)) all.push(event);
  return all;
};

describe('a story', () => {
  it('is heard from its beginning by who comes late, and as it goes on by who is there; of a bar only where it stands', async () => {
    const story = new Story<Over>();
    story.tell({ type: 'start', phase: 'build', text: 'building' });
    story.tell({ type: 'update', phase: 'build', done: 1, total: 9 });
    const early = heard(story);
    await wait(1);
    story.tell({ type: 'update', phase: 'build', done: 5, total: 9 });
    await wait(1);
    story.tell({ type: 'over' });
    const late = heard(story);
    story.end();
    expect((await early).map((event) => ('done' in event ? event.done : event.type))).toEqual(['start', 1, 5, 'over']);
    expect((await late).map((event) => ('done' in event ? event.done : event.type))).toEqual(['start', 5, 'over']);
  });

  it('keeps its phases and its last lines, a million characters at most; who reads slowly hears nothing twice', async () => {
    const story = new Story<Over>();
    story.tell({ type: 'start', phase: 'build', text: 'building' });
    const slow = story.from(new AbortController().signal);
    const first = [await slow.next()];
    for (let i = 0; i < 50_000; i++) story.tell({ type: 'log', phase: 'build', line: `${i} ${'x\0'.repeat(500)}` });
    story.tell({ type: 'log', phase: 'build', line: 'y'.repeat(10_000_000) });
    story.end();
    const all = await heard(story);
    expect(JSON.stringify(all).length).toBeLessThan(8_000_000);
    expect(all[0]).toMatchObject({ type: 'start' });
    expect(all.at(-1)).toMatchObject({ line: expect.stringMatching(/^y{4000} …$/) });
    const numbers = all.flatMap((event) => ('line' in event ? [Number.parseInt(event.line, 10)] : [])).slice(0, -1);
    expect(numbers.length).toBeGreaterThan(200);
    expect(numbers).toEqual(numbers.map((_, i) => 50_000 - numbers.length + i));
    expect(first.map(({ value }) => value.type)).toEqual(['start']);
    expect((await slow.next()).value).toMatchObject({ type: 'log' });
  });
});

describe('a build that prints 200 MB, some of it no text, through the endpoint', () => {
  const world = new World();
  let alice: Actor;
  let goOn: () => void;
  beforeAll(async () => {
    const going = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    await world.open(undefined, {
      services: {
        async *launch(_user, _granted, { signal }) {
          // what a decoder makes of bytes that are no UTF-8, half of a pair, NUL, escapes
          const line = `\uFFFD\uD800\0\u001B[31m${'a'.repeat(1_000)}`;
          for (let i = 0; i < 200_000; i++) {
            yield { type: 'log', phase: 'build', line: `${i} ${line}` };
            if (i % 2_000 === 0) await wait(1);
          }
          yield { type: 'log', phase: 'build', line: 'its last words' };
          await going;
          signal.throwIfAborted();
          throw new Error('the fake build has ended');
        },
      },
    });
    alice = await world.signIn('alice');
  }, 30_000);
  afterAll(() => world.close());

  it('takes little memory beside a reader who does not read, and its last words reach the stream', async () => {
    const before = process.memoryUsage().rss;
    const { body } = await world.ask('/api/v1/launches', {
      method: 'POST',
      headers: { ...alice.headers, 'X-Xsrftoken': alice.xsrf ?? '', 'Content-Type': 'application/json' },
      body: JSON.stringify({ provider: 'gh', spec: 'org/loud/HEAD' }),
    });
    const { id } = JSON.parse(body);
    const path = `/api/v1/launches/${id}/events`;
    const deaf = request({
      host: '127.0.0.1',
      port: world.port,
      path,
      headers: { ...alice.headers, Host: world.host },
    });
    deaf.on('response', (answer) => answer.pause()).on('error', () => {});
    deaf.end();
    let most = 0;
    let told = '';
    for (const until = Date.now() + 45_000; !told.includes('its last words') && Date.now() < until; ) {
      await wait(500);
      most = Math.max(most, process.memoryUsage().rss);
      told = (await world.ask(path, { headers: alice.headers, alone: true })).body;
    }
    deaf.destroy();
    expect(told).toContain('its last words');
    expect(told.length).toBeLessThan(16_000_000);
    expect((most - before) / 2 ** 20).toBeLessThan(300);
    const page = await world.ask(`/launches/${id}`, { headers: { ...alice.headers, Accept: 'text/html' } });
    expect(page.status).toBe(200);
    expect(page.body.length).toBeLessThan(100_000);
    expect(page.body).not.toMatch(/[\0\u001B]/);
    goOn();
  }, 60_000);
});
