import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Answer, Question } from '../../core/command.ts';
import { listWork, moveWork, removeWork } from '../../sessions/work/manage.ts';
import { Agent, commitOf, prepare, type Report, temporary } from './work-rig.ts';

const agent = new Agent();
let temp = temporary();
let base = '';
beforeEach(() => {
  temp = temporary();
  base = join(temp.dir, 'base');
});
afterEach(() => temp.remove());
afterAll(() => agent.close());

async function made(name: string, session: string, over = true): Promise<Report> {
  const answer = await agent.ask(prepare(join(base, name), await commitOf(temp.dir, { a: '1' }), { session }));
  if (answer?.ok === undefined) throw new Error(answer?.error);
  if (over) await agent.ask({ do: 'release', report: answer.ok });
  return answer.ok;
}

function asked<T>(question: Question<T>): Answer<T> {
  const [program = '', ...words] = question.command.argv;
  const { status, stdout, stderr } = spawnSync(program, words);
  return question.parse({ ended: { kind: 'exit', code: status ?? -1 }, stdout, stderr, truncated: false });
}

const refusal = (answer: Answer<unknown>): string => (answer.ok ? '' : `${answer.error.code} ${answer.error.message}`);

describe('work ls, rm and mv', () => {
  it('lists what there is, with size, last use and the session that is in it', async () => {
    await made('github.com/o/one', 'hb-1');
    await made('github.com/o/two', 'hb-2', false);
    mkdirSync(join(base, 'not-ours'));
    symlinkSync('/', join(base, 'link'));
    const list = asked(listWork('python3', base));
    const now = Date.now() / 1000;
    expect(list).toMatchObject({
      ok: true,
      value: [{ name: 'github.com/o/one', directory: join(base, 'github.com/o/one') }, { session: 'hb-2' }],
    });
    for (const entry of list.ok ? list.value : []) {
      expect(entry.bytes).toBeGreaterThan(0);
      expect(Math.abs(entry.usedAt - now)).toBeLessThan(60);
      expect(entry.id).toMatch(/^git:/);
    }
  });

  it('lists nothing where no session has been', () => {
    expect(asked(listWork('python3', base))).toEqual({ ok: true, value: [] });
  });

  it('deletes one, its read-only directories too, and the folders this leaves empty', async () => {
    const { directory } = await made('github.com/o/one', 'hb-1');
    mkdirSync(join(directory, 'locked', 'in'), { recursive: true });
    writeFileSync(join(directory, 'locked', 'in', 'x'), '1');
    chmodSync(join(directory, 'locked', 'in'), 0o500);
    chmodSync(join(directory, 'locked'), 0o500);
    symlinkSync(temp.dir, join(directory, 'outside'));
    expect(asked(removeWork('python3', base, 'github.com/o/one'))).toEqual({ ok: true, value: directory });
    expect(readdirSync(base)).toEqual([]);
    expect(existsSync(temp.dir)).toBe(true);
  });

  it('refuses to delete or move what a live session uses, what is not ours and what lies elsewhere', async () => {
    await made('github.com/o/live', 'hb-1', false);
    mkdirSync(join(base, 'not-ours'));
    mkdirSync(join(temp.dir, 'elsewhere'));
    for (const verb of [
      (name: string) => asked(removeWork('python3', base, name)),
      (name: string) => asked(moveWork('python3', base, name, 'moved')),
    ]) {
      expect(refusal(verb('github.com/o/live'))).toMatch(/^E-WORK .*in use by session hb-1/);
      expect(refusal(verb('not-ours'))).toContain('is no work directory');
      expect(refusal(verb('../elsewhere'))).toContain('does not lie in');
      expect(refusal(verb('.'))).toContain('does not lie in');
      expect(refusal(verb('missing'))).toContain('there is no work directory');
    }
    expect(existsSync(join(base, 'github.com/o/live/a'))).toBe(true);
  });

  it('moves one, which is then the work directory of its new place; never onto something', async () => {
    await made('github.com/o/one', 'hb-1');
    await made('github.com/o/two', 'hb-1');
    const taken = asked(moveWork('python3', base, 'github.com/o/one', 'github.com/o/two'));
    expect(refusal(taken)).toContain('exists already');
    const inside = asked(moveWork('python3', base, 'github.com/o/one', 'github.com/o/one/in'));
    expect(refusal(inside)).toContain('into itself');
    const to = join(temp.dir, 'papers', 'fig');
    expect(asked(moveWork('python3', base, 'github.com/o/one', to))).toEqual({ ok: true, value: to });
    const again = await agent.ask(prepare(to, await commitOf(temp.dir, { a: '2' })));
    expect(again?.ok).toMatchObject({ directory: to, updated: ['a'] });
  });

  it('tells an unreachable cluster from one that refuses', () => {
    const question = listWork('python3', base);
    const nothing = new Uint8Array();
    const lost = question.parse({ ended: { kind: 'timeout' }, stdout: nothing, stderr: nothing, truncated: false });
    expect(lost).toMatchObject({ ok: false, why: 'unreachable' });
    const odd = question.parse({
      ended: { kind: 'exit', code: 127 },
      stdout: nothing,
      stderr: nothing,
      truncated: false,
    });
    expect(odd).toMatchObject({ ok: false, why: 'refused' });
  });
});
