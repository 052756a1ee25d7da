import { describe, expect, it } from '@jest/globals';
import type { Progress } from '../../core/progress.ts';
import { during, phase } from '../../sessions/phase.ts';

async function all<T>(run: AsyncGenerator<Progress, T>): Promise<{ told: Progress[]; value: T }> {
  const told: Progress[] = [];
  for (;;) {
    const step = await run.next();
    if (step.done) return { told, value: step.value };
    told.push(step.value);
  }
}
const note = (text: string): Progress => ({ type: 'note', text });

describe('a phase', () => {
  it('tells its start, what happens in it, and its one line when done', async () => {
    const run = phase(
      'plan',
      'reading',
      async (on) => {
        on(note('a'));
        return 7;
      },
      (value) => `read ${value}`,
    );
    const { told, value } = await all(run);
    expect(value).toBe(7);
    expect(told).toEqual([
      { type: 'start', phase: 'plan', text: 'reading' },
      note('a'),
      { type: 'done', phase: 'plan', text: 'read 7', seconds: expect.any(Number) },
    ]);
  });

  it('says where it had nothing to do', async () => {
    const { told } = await all(
      phase(
        'upload',
        '',
        async () => 1,
        () => ({ text: 'there', skipped: true }),
      ),
    );
    expect(told[1]).toMatchObject({ type: 'done', skipped: true });
  });

  it('has no line where it failed: the fault is the caller’s', async () => {
    const told: Progress[] = [];
    const run = phase('build', 'b', async () => Promise.reject(new Error('step 3')), String);
    const drained = (async () => {
      for await (const event of run) told.push(event);
    })();
    await expect(drained).rejects.toThrow('step 3');
    expect(told.map(({ type }) => type)).toEqual(['start']);
  });

  it('hands on what is told while the work goes on, without waiting for its end', async () => {
    let end = () => {};
    const run = during(async (on) => {
      on(note('first'));
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      on(note('last'));
      return 'value';
    });
    expect(await run.next()).toEqual({ done: false, value: note('first') });
    const next = run.next();
    end();
    expect(await next).toEqual({ done: false, value: note('last') });
    expect(await run.next()).toEqual({ done: true, value: 'value' });
  });

  it('loses nothing of what was told before it failed', async () => {
    const run = during(async (on) => {
      on(note('a'));
      on(note('b'));
      throw new Error('then');
    });
    expect((await run.next()).value).toEqual(note('a'));
    expect((await run.next()).value).toEqual(note('b'));
    await expect(run.next()).rejects.toThrow('then');
  });
});
