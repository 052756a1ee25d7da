/** Numbered streams as pure machines: cuts at any byte, and nothing is lost, doubled or out of order. */
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader, frameOf, MOST_FRAME, Numbered, StreamFault } from '../../sessions/stream-core.ts';
import { pythons } from './pythons.ts';
import { agentEnds, type End, laptopEnd, type Windows } from './stream-ends.ts';

type Step =
  | { do: 'write' | 'send' | 'move' | 'use'; side: 0 | 1; count: number }
  | { do: 'settle'; side: 0 | 1 }
  | { do: 'end'; side: 0 | 1 }
  | { do: 'cut' };

const side = fc.constantFrom<0 | 1>(0, 1);
const count = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 900 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('write', 'send', 'move', 'use'), side, count }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('settle', 'end'), side }) },
  { weight: 2, arbitrary: fc.constant({ do: 'cut' as const }) },
) as fc.Arbitrary<Step>;

/** Two ends, what is under way between them, what went in and what came out. */
class Pair {
  readonly written: [Buffer[], Buffer[]] = [[], []];
  readonly got: [Buffer[], Buffer[]] = [[], []];
  #way: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)];
  #unused: [number, number] = [0, 0];
  #over: [boolean, boolean] = [false, false];
  #seed = 0;
  readonly ends: readonly [End, End];

  constructor(ends: readonly [End, End]) {
    this.ends = ends;
  }

  async cut(): Promise<void> {
    this.#way = [Buffer.alloc(0), Buffer.alloc(0)];
    const [a, b] = [await this.ends[0].state(), await this.ends[1].state()];
    await this.ends[0].resume(b.received);
    await this.ends[1].resume(a.received);
  }

  async write(from: 0 | 1, most: number): Promise<void> {
    const { room } = await this.ends[from].state();
    if (this.#over[from] || room <= 0) return;
    const data = Buffer.from(Array.from({ length: Math.min(most, room) }, () => this.#seed++ % 251));
    this.written[from].push(data);
    await this.ends[from].write(data);
  }

  async send(from: 0 | 1, most: number): Promise<boolean> {
    const frame = await this.ends[from].next(most);
    this.#way[from] = Buffer.concat([this.#way[from], frame]);
    return frame.length > 0;
  }

  async move(from: 0 | 1, most: number): Promise<boolean> {
    const part = this.#way[from].subarray(0, most);
    if (part.length === 0) return false;
    this.#way[from] = this.#way[from].subarray(part.length);
    const to = from === 0 ? 1 : 0;
    const data = await this.ends[to].feed(part);
    this.got[to].push(data);
    this.#unused[to] += data.length;
    return true;
  }

  async use(end: 0 | 1, most: number): Promise<void> {
    const some = Math.min(most, this.#unused[end]);
    this.#unused[end] -= some;
    await this.ends[end].use(some);
  }

  async end(from: 0 | 1): Promise<void> {
    this.#over[from] = true;
    await this.ends[from].end();
  }

  async take(one: Step): Promise<void> {
    if (one.do === 'cut') await this.cut();
    else if (one.do === 'settle') await this.ends[one.side].settle();
    else if (one.do === 'end') await this.end(one.side);
    else await this[one.do](one.side, one.count);
  }

  /** No more cuts: until nothing moves. */
  async calm(): Promise<void> {
    for (let moved = true; moved; ) {
      moved = false;
      for (const from of [0, 1] as const) {
        await this.use(from, Number.MAX_SAFE_INTEGER);
        await this.ends[from].settle();
        while (await this.send(from, MOST_FRAME)) moved = true;
        moved = (await this.move(from, Number.MAX_SAFE_INTEGER)) || moved;
      }
    }
  }
}

async function holds(make: (windows: Windows) => Promise<readonly [End, End]>, runs: number): Promise<void> {
  const windows = fc.record({ sends: fc.integer({ min: 600, max: 4000 }), takes: fc.integer({ min: 600, max: 4000 }) });
  await fc.assert(
    fc.asyncProperty(windows, fc.array(step, { minLength: 20, maxLength: 120 }), async (sizes, steps) => {
      const pair = new Pair(await make(sizes));
      await pair.cut();
      for (const one of steps) await pair.take(one);
      await pair.end(0);
      await pair.end(1);
      await pair.calm();
      for (const from of [0, 1] as const) {
        const to = from === 0 ? 1 : 0;
        expect(Buffer.concat(pair.got[to]).equals(Buffer.concat(pair.written[from]))).toBe(true);
        expect(await pair.ends[to].state()).toMatchObject({ ended: true });
        // all is used up there, so the whole window is free again
        expect((await pair.ends[from].state()).room).toBe(from === 0 ? sizes.sends : sizes.takes);
      }
    }),
    { numRuns: runs },
  );
}

const turned = ({ sends, takes }: Windows): Windows => ({ sends: takes, takes: sends });

describe('a numbered stream', () => {
  it('gives each end what the other wrote, whole and in order, wherever it is cut', async () => {
    await holds(async (windows) => [laptopEnd(windows), laptopEnd(turned(windows))], 200);
  });

  describe.each(pythons())("with the agent's end under %s", (python) => {
    const agent = agentEnds(python);
    afterAll(() => agent.close());

    it('does the same', async () => {
      await holds(async (windows) => [laptopEnd(windows), await agent.make(turned(windows))], 60);
    }, 60_000);
  });

  it('lets no more be written than may be under way, and counts what small pieces cost', () => {
    const core = new Numbered({ sends: 1000, takes: 1000 });
    core.write(Buffer.alloc(400));
    expect(core.room()).toBe(1000 - 400 - 128);
    for (let n = 0; n < 4; n++) core.write(Buffer.alloc(1));
    expect(core.room()).toBeLessThanOrEqual(0);
  });

  it.each<[string, (core: Numbered) => void]>([
    ['more than there is room for', (core) => core.take({ kind: 'd', data: Buffer.alloc(1001 + MOST_FRAME) })],
    ['data after the end', (core) => ['e', 'd'].map((kind) => core.take({ kind, data: Buffer.alloc(1) }))],
    ['an acknowledgement of what was never sent', (core) => core.take({ kind: 'a', data: Buffer.alloc(8, 1) })],
    ['half an acknowledgement', (core) => core.take({ kind: 'a', data: Buffer.alloc(3) })],
    ['a frame of an unknown kind', (core) => core.take({ kind: '?', data: Buffer.alloc(0) })],
    ['a place after what was written', (core) => core.resume(7)],
    ['a place that is no number', (core) => core.resume(Number.NaN)],
  ])('takes %s for a fault', (_, act) => {
    expect(() => act(new Numbered({ sends: 1000, takes: 1000 }))).toThrow(StreamFault);
  });
});

describe('frames', () => {
  it('are found again in any pieces', () => {
    const sizes = fc.array(fc.nat(300), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 400 }), (lengths, cut) => {
        const all = Buffer.concat(lengths.map((size, n) => frameOf('d', Buffer.alloc(size, n))));
        const reader = new FrameReader();
        const found: number[] = [];
        for (let at = 0; at < all.length; at += cut) {
          reader.feed(all.subarray(at, at + cut));
          for (let frame = reader.next(); frame; frame = reader.next()) found.push(frame.data.length);
        }
        expect(found).toEqual(lengths);
      }),
    );
  });

  it('may not be longer than the protocol says', () => {
    const reader = new FrameReader();
    reader.feed(frameOf('d', Buffer.alloc(MOST_FRAME + 1)).subarray(0, 5));
    expect(() => reader.next()).toThrow('too long');
  });
});
