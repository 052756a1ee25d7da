import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Agent, commitOf, prepare, type Report, temporary } from './work-rig.ts';

const old = spawnSync('python3.6', ['-c', 'pass'], { env: { ...process.env, PYENV_VERSION: '3.6.15' } }).status === 0;
const pythons: [string, string, Record<string, string>][] = [['the usual Python', 'python3', {}]];
if (old) pythons.push(['Python 3.6', 'python3.6', { PYENV_VERSION: '3.6.15', LC_ALL: 'C' }]);

describe.each(pythons)('the work directory with %s', (_, python, env) => {
  const agent = new Agent(python, env);
  let temp = temporary();
  let work = '';
  beforeEach(() => {
    temp = temporary();
    work = join(temp.dir, 'base', 'host', 'org', 'repo');
  });
  afterEach(() => temp.remove());
  afterAll(() => agent.close());

  const run = async (tree: Record<string, string | null>, more: object = {}, request: object = {}): Promise<Report> => {
    const answer = await agent.ask(prepare(work, await commitOf(temp.dir, tree), more, request));
    if (answer?.ok === undefined) throw new Error(answer?.error);
    return answer.ok;
  };
  const read = (path: string) => readFileSync(join(work, path), 'utf8');

  it('starts as the commit over what the image made', async () => {
    const image = { 'a.txt': 'of the image', 'made/by/postBuild': 'x', 'to-a': '-> a.txt', fifo: null, 'd/e': 'image' };
    const report = await run(
      { 'a.txt': 'of the commit', 'run.sh': '#!/bin/sh\n', 'größe.md': 'ü', empty: null, d: 'a file' },
      { imageHasContent: true },
      { image },
    );
    expect(report).toMatchObject({ created: true, directory: work, updated: [], conflicts: [] });
    expect(report.notes.join()).toContain("'fifo'");
    expect([read('a.txt'), read('made/by/postBuild'), read('größe.md'), read('d')]).toEqual([
      'of the commit',
      'x',
      'ü',
      'a file',
    ]);
    expect(readlinkSync(join(work, 'to-a'))).toBe('a.txt');
    expect(readdirSync(join(work, 'empty'))).toEqual([]);
    expect(statSync(join(work, 'run.sh')).mode & 0o7777).toBe(0o700);
    expect(statSync(join(work, 'made/by/postBuild')).mode & 0o7000).toBe(0);
    expect(statSync(work).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(work, '..'))).toEqual(['repo']);
  });

  it('is what the image holds where no repository was given', async () => {
    const given = prepare(work, { content: null, git: null, id: 'image:1', short: 'image' }, { imageHasContent: true });
    expect((await agent.ask({ ...given, image: { 'a/b': '1' } }))?.ok?.created).toBe(true);
    expect(read('a/b')).toBe('1');
  });

  it('lets untouched files follow the next commit, with deletions and changes of type', async () => {
    await run({ a: '1', gone: 'x', 'dir/in': 'x', file: 'x', mode: 'text' });
    const report = await run({ a: '2', dir: '-> a', 'file/in': 'y', mode: 'text', new: 'z' });
    expect(report.conflicts).toEqual([]);
    expect(report.updated.sort()).toEqual(['a', 'dir', 'file/in', 'new']);
    expect(report.deleted.sort()).toEqual(['dir/in', 'file', 'gone']);
    expect([read('a'), read('file/in'), read('new'), readlinkSync(join(work, 'dir'))]).toEqual(['2', 'y', 'z', 'a']);
    expect(existsSync(join(work, 'gone'))).toBe(false);
  });

  it('keeps what the user edited and puts the commit beside it, named', async () => {
    await run({ 'index.ipynb': 'one', same: 's', 'upstream-gone': 'u' });
    writeFileSync(join(work, 'index.ipynb'), 'mine');
    writeFileSync(join(work, 'same'), 'mine too');
    writeFileSync(join(work, 'upstream-gone'), 'mine as well');
    writeFileSync(join(work, 'new'), 'my new');
    const next = await commitOf(temp.dir, { 'index.ipynb': 'two', same: 's', new: 'theirs' });
    const { ok: report } = (await agent.ask(prepare(work, next))) ?? {};
    expect(report?.conflicts).toEqual([
      { path: 'index.ipynb', theirs: `index.ipynb.~${next.short}` },
      { path: 'new', theirs: `new.~${next.short}` },
    ]);
    expect(report?.kept).toEqual(['upstream-gone']);
    expect([read('index.ipynb'), read('same'), read('upstream-gone'), read('new')]).toEqual([
      'mine',
      'mine too',
      'mine as well',
      'my new',
    ]);
    expect([read(`index.ipynb.~${next.short}`), read(`new.~${next.short}`)]).toEqual(['two', 'theirs']);
  });

  it('does not bring back what the user deleted, and does nothing for the commit it already holds', async () => {
    await run({ a: '1', b: '1' });
    rmSync(join(work, 'a'));
    const next = await commitOf(temp.dir, { a: '2', b: '1' });
    expect((await agent.ask(prepare(work, next)))?.ok?.kept).toEqual(['a']);
    expect(existsSync(join(work, 'a'))).toBe(false);
    writeFileSync(join(work, 'b'), 'edited');
    expect((await agent.ask(prepare(work, next)))?.ok).toMatchObject({ updated: [], kept: [], conflicts: [] });
  });

  it('does not take a mode for an edit, and leaves the mode that the user gave', async () => {
    await run({ start: '#one', tool: 'same', script: 'x' });
    chmodSync(join(work, 'start'), 0o700);
    chmodSync(join(work, 'tool'), 0o700);
    const report = await run({ start: '#two', tool: 'same', script: '#!x' });
    expect(report).toMatchObject({ conflicts: [], updated: ['script', 'start'] });
    expect([read('start'), read('script')]).toEqual(['#two', '#!x']);
    expect(statSync(join(work, 'tool')).mode & 0o100).toBe(0o100);
  });

  it("never writes through a link that stands in the way, the user's or the repository's", async () => {
    const outside = join(temp.dir, 'outside');
    mkdirSync(outside);
    await run({ 'data/a': '1', link: `-> ${outside}` });
    rmSync(join(work, 'data'), { recursive: true });
    symlinkSync(outside, join(work, 'data'));
    const next = await commitOf(temp.dir, { 'data/a': '2', 'data/b': 'new', 'link/x': 'through' });
    const { ok: report } = (await agent.ask(prepare(work, next))) ?? {};
    expect(readdirSync(outside)).toEqual([]);
    expect(report?.conflicts).toEqual([{ path: 'data/b', theirs: `data.~${next.short}/b` }]);
    expect([read(`data.~${next.short}/b`), read('link/x')]).toEqual(['new', 'through']);
    expect(lstatSync(join(work, 'data')).isSymbolicLink()).toBe(true);
  });

  it('keeps a directory of the user where the commit has a file', async () => {
    await run({ 'd/a': '1' });
    writeFileSync(join(work, 'd', 'mine'), 'mine');
    const next = await commitOf(temp.dir, { d: 'now a file' });
    expect((await agent.ask(prepare(work, next)))?.ok?.conflicts).toEqual([{ path: 'd', theirs: `d.~${next.short}` }]);
    expect(read('d/mine')).toBe('mine');
  });

  it('gives a second live session a directory of its own, and the first one back when it is over', async () => {
    const first = await run({ a: '1' });
    const second = await run({ a: '1' }, { session: 'hb-bbbbbbbbbb' });
    expect([first.directory, second.directory]).toEqual([work, `${work}-2`]);
    expect(second.notes.join()).toContain('hb-aaaaaaaaaa');
    expect((await run({ a: '1' }, { session: 'hb-cccccccccc', ended: ['hb-aaaaaaaaaa'] })).directory).toBe(work);
    await agent.ask({ do: 'release', report: second });
    expect((await run({ a: '1' }, { session: 'hb-dddddddddd' })).directory).toBe(`${work}-2`);
  });

  it('takes over a directory whose session has been silent for a quarter of an hour, not one that refreshes', async () => {
    const first = await run({ a: '1' });
    const marker = join(work, '.hpcbinder', 'in-use.json');
    const past = Date.now() / 1000 - 16 * 60;
    utimesSync(marker, past, past);
    expect(await agent.ask({ do: 'refresh', report: first })).toMatchObject({ ok: true });
    expect((await run({ a: '1' }, { session: 'hb-bbbbbbbbbb' })).directory).toBe(`${work}-2`);
    utimesSync(marker, past, past);
    expect((await run({ a: '1' }, { session: 'hb-cccccccccc' })).directory).toBe(work);
    expect(await agent.ask({ do: 'refresh', report: first })).toMatchObject({ ok: false });
  });

  it("does not take another repository's directory for a second session's", async () => {
    await run({ a: '1' });
    const neighbour = await agent.ask(prepare(`${work}-2`, await commitOf(temp.dir, { n: '1' }), { session: 'hb-n' }));
    await agent.ask({ do: 'release', report: neighbour?.ok });
    expect((await run({ a: '1' }, { session: 'hb-bbbbbbbbbb' })).directory).toBe(`${work}-3`);
  });

  it('gives a session that goes on from another its very directory, be it the second one, and leaves it where it belongs', async () => {
    await run({ a: '1' });
    const second = await run({ a: '1' }, { session: 'hb-bbbbbbbbbb' });
    const after = { directory: second.directory, session: 'hb-cccccccccc', ended: ['hb-bbbbbbbbbb'], exact: true };
    expect((await run({ a: '2' }, after)).directory).toBe(`${work}-2`);
    expect(readFileSync(join(`${work}-2`, 'a'), 'utf8')).toBe('2');
    const plain = { session: 'hb-dddddddddd', ended: ['hb-cccccccccc'] };
    expect((await run({ a: '2' }, plain)).directory).toBe(`${work}-2`);
  });

  it('says so where that directory is in use by now, or no longer there', async () => {
    await run({ a: '1' });
    const exact = { session: 'hb-bbbbbbbbbb', exact: true };
    await expect(run({ a: '1' }, exact)).rejects.toThrow('is in use by session hb-aaaaaaaaaa by now');
    await expect(run({ a: '1' }, { ...exact, directory: `${work}-9` })).rejects.toThrow('is no longer there');
    expect(existsSync(`${work}-9`)).toBe(false);
  });

  it('moves the old directory aside with its date where a fresh one is asked for', async () => {
    await run({ a: '1' });
    writeFileSync(join(work, 'mine'), 'mine');
    const report = await run({ a: '1' }, { session: 'hb-bbbbbbbbbb', fresh: true, ended: ['hb-aaaaaaaaaa'] });
    const aside = readdirSync(join(work, '..')).find((name) => /^repo\.\d{8}-\d{6}$/.test(name)) ?? '';
    expect(report.created).toBe(true);
    expect(existsSync(join(work, 'mine'))).toBe(false);
    expect(readFileSync(join(work, '..', aside, 'mine'), 'utf8')).toBe('mine');
    expect(report.notes.join()).toContain(aside);
  });

  it('counts every file as the user’s where the record is gone or was forged', async () => {
    await run({ a: '1', b: '1' });
    for (const record of [undefined, '{"schema":1,"of":"repo","entries":{"../x":"link:y"}}', 'no JSON']) {
      const manifest = join(work, '.hpcbinder', 'manifest.json');
      rmSync(manifest);
      if (record !== undefined) writeFileSync(manifest, record);
      const next = await commitOf(temp.dir, { a: `next ${record}`, b: '1' });
      const { ok: report } = (await agent.ask(prepare(work, next))) ?? {};
      expect(report?.directory).toBe(work);
      expect(report?.conflicts).toEqual([{ path: 'a', theirs: `a.~${next.short}` }]);
    }
    expect(read('a')).toBe('1');
  });

  it('refuses a corner of its own that leads elsewhere, and a directory of a newer version', async () => {
    await run({ a: '1' });
    writeFileSync(join(work, '.hpcbinder', 'manifest.json'), '{"schema":2}');
    await expect(run({ a: '2' })).rejects.toThrow('newer hpcbinder');
    renameSync(join(work, '.hpcbinder'), join(temp.dir, 'moved'));
    symlinkSync(join(temp.dir, 'moved'), join(work, '.hpcbinder'));
    await expect(run({ a: '2' })).rejects.toThrow('.hpcbinder cannot be used');
  });

  it('treats a file that it may not read as the user’s', async () => {
    await run({ a: '1' });
    writeFileSync(join(work, 'a'), 'mine');
    chmodSync(join(work, 'a'), 0);
    const next = await commitOf(temp.dir, { a: '2' });
    expect((await agent.ask(prepare(work, next)))?.ok?.conflicts).toEqual([{ path: 'a', theirs: `a.~${next.short}` }]);
  });
});
