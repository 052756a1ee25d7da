/** A class that clicks at nine (F-52): 300 launches in ten seconds through the whole endpoint. The clusters are a fake that counts. */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Line } from '../../../server/endpoint/line.ts';
import { kept } from '../state/rig.ts';
import { type Actor, World } from './rig.ts';

const COUNT = 300;
const world = new World();
let alice: Actor;
let atOnce: number;
let most: number;
let submits: number[];

beforeAll(async () => {
  [atOnce, most, submits] = [0, 0, []];
  await world.open(
    `limits: {sessions: 900, per_user: 900, per_repository: 900, launches: 250, launches_per_user: 900}
rate: {launches: 100000 per 1m, requests: 100000 per 1m}`,
    {
      services: {
        async *launch(_user, _granted, { id, keep }) {
          atOnce += 1;
          most = Math.max(most, atOnce);
          yield { type: 'start', phase: 'submit', text: 'submitting' };
          await wait(20);
          submits.push(performance.now());
          const record = kept({ id, phase: 'queued', createdAt: new Date().toISOString() });
          keep(record);
          atOnce -= 1;
          yield { type: 'start', phase: 'queue', text: 'waiting for the scheduler' };
          await wait(200);
          return { ...record, phase: 'ready' };
        },
      },
    },
  );
  alice = await world.signIn('alice');
}, 30_000);
afterAll(() => world.close());

describe('300 launches in ten seconds', () => {
  it('are taken or refused at once; those taken wait in line with their place, a dozen work at a time, and all become ready', async () => {
    const all = await Promise.all(
      Array.from({ length: COUNT }, async (_, i) => {
        await wait((i * 1_000) / COUNT);
        const asked = performance.now();
        const answer = await world.ask('/api/v1/launches', {
          method: 'POST',
          headers: { ...alice.headers, 'X-Xsrftoken': alice.xsrf ?? '', 'Content-Type': 'application/json' },
          body: JSON.stringify({ provider: 'gh', spec: `class/repo-${i}/HEAD` }),
          alone: true,
        });
        return { ...answer, ms: performance.now() - asked };
      }),
    );
    const slowest = all.map(({ ms }) => ms).sort((a, b) => a - b);
    process.stderr.write(
      `300 launches: median ${Math.round(slowest[150] ?? 0)} ms, p95 ${Math.round(slowest[285] ?? 0)} ms\n`,
    );
    const [taken, refused] = [202, 429].map((wanted) => all.filter(({ status }) => status === wanted));
    expect((taken?.length ?? 0) + (refused?.length ?? 0)).toBe(COUNT);
    for (const { headers, body } of refused ?? []) {
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      expect(body).toContain('E-POLICY-FULL');
    }
    const ids = (taken ?? []).map(({ body }) => JSON.parse(body).id as string);
    const states = () => ids.map((id) => world.state.launch(id)?.state);
    for (const until = Date.now() + 60_000; states().includes('running') && Date.now() < until; ) await wait(100);
    expect(new Set(states())).toEqual(new Set(['ready']));
    expect(most).toBeLessThanOrEqual(12);
    expect(submits).toHaveLength(ids.length);
  }, 120_000);
});

describe('the line', () => {
  it('tells each how many are ahead, calls in order, and goes on over one who leaves', async () => {
    const line = new Line(1);
    const order: string[] = [];
    const texts: string[] = [];
    const gates = new Map<string, () => void>();
    const walk = async (name: string, signal = new AbortController().signal) => {
      async function* work() {
        order.push(name);
        await new Promise<void>((resolve) => gates.set(name, resolve));
        yield { type: 'note', text: 'done' } as const;
        return name;
      }
      for await (const event of line.through(work(), signal))
        if ('text' in event && event.text !== 'done') texts.push(`${name}: ${event.text}`);
    };
    const [first, leaving] = [walk('a'), new AbortController()];
    await wait(1);
    const left = walk('b', leaving.signal);
    const last = walk('c');
    await wait(1);
    leaving.abort(new Error('cancelled'));
    await expect(left).rejects.toThrow('cancelled');
    gates.get('a')?.();
    await first;
    await wait(1);
    gates.get('c')?.();
    await last;
    expect(order).toEqual(['a', 'c']);
    expect(texts).toEqual(['b: waiting in line: next', 'c: waiting in line: 1 ahead']);
    const again = walk('d');
    await wait(1);
    gates.get('d')?.();
    await again;
    expect(order).toEqual(['a', 'c', 'd']);
  });
});
