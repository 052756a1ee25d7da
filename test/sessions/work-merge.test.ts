/** Whatever the user does between two commits, and wherever the merge is killed, no byte of the user's is lost. */
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Agent, commitOf, prepare, type Report, temporary } from './work-rig.ts';

const agent = new Agent();
afterAll(() => agent.close());

// few names, so that commit and user meet; some are a directory to one and a file to the other
const PATHS = ['a', 'b', 'd', 'd/x', 'd/y', 'd/e/z', 'b/c', 'n'];
type Files = Map<string, string>;

const tree = fc
  .array(fc.tuple(fc.constantFrom(...PATHS), fc.constantFrom('1', '2', '3')), { maxLength: 8 })
  .map((all) => {
    const files: Files = new Map();
    for (const [path, text] of all) {
      const clash = [...files.keys()].some((other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`));
      if (!clash) files.set(path, text);
    }
    return files;
  });
const edits = fc.array(fc.tuple(fc.constantFrom('write', 'delete', 'clear'), fc.constantFrom(...PATHS)), {
  maxLength: 4,
});

const textAt = (path: string): string | undefined =>
  existsSync(path) && lstatSync(path).isFile() ? readFileSync(path, 'utf8') : undefined;

/** What the user does; `mine` holds what must be there for ever after. */
function edit(work: string, all: readonly (readonly [string, string])[], mine: Files, deleted: Set<string>): void {
  for (const [verb, path] of all) {
    const at = join(work, path);
    if (verb === 'write') {
      try {
        mkdirSync(dirname(at), { recursive: true });
        const text = `mine ${mine.size} ${path}`;
        writeFileSync(at, text);
        mine.set(path, text);
      } catch {}
    } else if (textAt(at) !== undefined || (verb === 'clear' && existsSync(at))) {
      rmSync(at, { recursive: true, force: true });
      for (const gone of PATHS.filter((other) => other === path || other.startsWith(`${path}/`))) {
        mine.delete(gone);
        deleted.add(gone);
      }
    }
  }
}

function check(work: string, report: Report, commit: Files, mine: Files): void {
  for (const [path, text] of mine) expect([path, textAt(join(work, path))]).toEqual([path, text]);
  const beside = new Map(report.conflicts.map((conflict) => [conflict.path, conflict.theirs]));
  for (const [path, theirs] of beside) expect(textAt(join(work, theirs))).toBe(commit.get(path));
}

const objectOf = (files: Files) => Object.fromEntries(files);

describe('the merge of commits into a work directory', () => {
  it("loses no byte of the user's, and gives the commit's where the user did nothing", async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.array(fc.tuple(edits, tree), { minLength: 1, maxLength: 3 }), async (first, rounds) => {
        const { dir, remove } = temporary();
        const work = join(dir, 'work');
        const mine: Files = new Map();
        const deleted = new Set<string>();
        await agent.ask(prepare(work, await commitOf(dir, objectOf(first))));
        for (const [todo, commit] of rounds) {
          edit(work, todo, mine, deleted);
          const answer = await agent.ask(prepare(work, await commitOf(dir, objectOf(commit))));
          if (answer?.ok === undefined) throw new Error(answer?.error ?? 'it died');
          check(work, answer.ok, commit, mine);
          for (const path of PATHS) {
            const near = (other: string) =>
              other === path || other.startsWith(`${path}/`) || path.startsWith(`${other}/`);
            if ([...mine.keys(), ...deleted].some(near)) continue;
            expect([path, textAt(join(work, path))]).toEqual([path, commit.get(path)]);
          }
        }
        remove();
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  it('completes what a kill at any point left behind, for the same commit and for another', async () => {
    const one = { 'd/x': '1', a: '1', gone: '1', 'b/c': '1', link: '-> a', edited: '1' };
    const two = { 'd/x': '2', a: '-> d/x', b: 'now a file', 'n/ew': '2', empty: null, edited: '2' };
    const three = { 'd/x': '3', a: '3', 'n/ew': '3', b: 'now a file', edited: '3' };
    let killed = true;
    let points = 0;
    for (; killed; points++) {
      const { dir, remove } = temporary();
      const work = join(dir, 'work');
      await agent.ask(prepare(work, await commitOf(dir, one)));
      writeFileSync(join(work, 'edited'), 'mine');
      const second = await commitOf(dir, two);
      killed = (await agent.ask(prepare(work, second, {}, { dieAfter: points })))?.ok as unknown as boolean;
      const next =
        points % 2 === 0 ? { commit: second, tree: two } : { commit: await commitOf(dir, three), tree: three };
      await agent.ask(prepare(work, next.commit));
      expect(readFileSync(join(work, 'edited'), 'utf8')).toBe('mine');
      expect(existsSync(join(work, 'gone'))).toBe(false);
      for (const [path, text] of Object.entries(next.tree)) {
        if (path === 'edited' || text === null || text.startsWith('-> ')) continue;
        expect([points, path, textAt(join(work, path))]).toEqual([points, path, text]);
      }
      expect(textAt(join(work, `edited.~${next.commit.short}`))).toBe(next.tree.edited);
      expect(existsSync(join(work, '.hpcbinder', 'pending.json'))).toBe(false);
      remove();
    }
    expect(points).toBeGreaterThan(20);
  }, 60_000);

  it('never shows half of a new directory, wherever it is killed', async () => {
    const files = { a: '1', 'd/x': '1', link: '-> a' };
    let killed = true;
    for (let points = 0; killed; points++) {
      const { dir, remove } = temporary();
      const work = join(dir, 'work');
      const commit = await commitOf(dir, files);
      killed = (await agent.ask(prepare(work, commit, {}, { dieAfter: points })))?.ok as unknown as boolean;
      expect(existsSync(work) && !existsSync(join(work, 'd', 'x'))).toBe(false);
      await agent.ask(prepare(work, commit));
      expect(textAt(join(work, 'd', 'x'))).toBe('1');
      remove();
    }
  }, 60_000);
});
