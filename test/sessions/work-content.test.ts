import { execFileSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Checkout, ResolvedRepo } from '../../core/artifacts.ts';
import type { Command, CommandResult } from '../../core/command.ts';
import { packContent, packGit } from '../../sessions/work/content.ts';
import { sendContent } from '../../sessions/work/send.ts';
import { Agent, checkoutOf, commitOf, prepare, temporary } from './work-rig.ts';

const agent = new Agent();
let temp = temporary();
beforeEach(() => {
  temp = temporary();
});
afterEach(() => temp.remove());
afterAll(() => agent.close());

async function collect(data: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of data ?? []) parts.push(part);
  return Buffer.concat(parts);
}

const git = (cwd: string, ...words: string[]): string =>
  execFileSync('git', words, {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: temp.dir, GIT_CONFIG_NOSYSTEM: '1' },
  }).trim();

/** A shallow clone of the last of `commits`, as the checkout of a launch is. */
function cloned(commits: readonly Record<string, string>[], url: string): Checkout {
  const origin = join(temp.dir, 'origin');
  if (!existsSync(origin)) {
    mkdirSync(origin);
    git(origin, 'init', '-q');
  }
  for (const files of commits) {
    for (const [path, text] of Object.entries(files)) writeFileSync(join(origin, path), text);
    git(origin, 'add', '-A');
    git(origin, '-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'change');
  }
  const commit = git(origin, 'rev-parse', 'HEAD');
  const dir = join(temp.dir, commit);
  git(temp.dir, 'clone', '-q', '--depth', '1', `file://${origin}`, dir);
  git(dir, 'checkout', '-q', '--detach');
  writeFileSync(join(dir, '.git', 'hooks', 'post-checkout'), '#!/bin/sh\ntouch /tmp/PWN\n');
  git(dir, 'config', 'core.fsmonitor', 'touch /tmp/PWN');
  const repo: ResolvedRepo = { kind: 'git', url, host: 'git.example.org', path: 'o/r', commit };
  return { ...checkoutOf(dir, Object.assign({}, ...commits), repo), dir };
}

describe('the content archive', () => {
  it('is the same bytes for the same files, whatever their times and the order of their listing', async () => {
    const files = { 'b/x': '1', a: '2', 'é/ü': '3', run: '#!/bin/sh\n', l: '-> a', empty: null, zero: '' };
    const turned = Object.fromEntries(Object.entries(files).reverse());
    const one = await collect(packContent(checkoutOf(join(temp.dir, '1'), files)));
    const two = await collect(packContent(checkoutOf(join(temp.dir, '2'), turned)));
    expect(one.equals(two)).toBe(true);
  });

  it('carries any name and content to the node and leaves out .git and .hpcbinder', async () => {
    const part = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
      .filter((name) => !/[/\0]|^\.+$/.test(name));
    const names = fc.tuple(part, part).map(([dir, name]) => `${`d${dir}`.slice(0, 50)}/${name}`);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, fc.string(), { maxKeys: 6, noNullPrototype: true }), async (files) => {
        const short = Object.entries(files).filter(([path]) =>
          path.split('/').every((p) => Buffer.byteLength(p) < 255),
        );
        const tree = Object.fromEntries(short.map(([path, text]) => [path, text.replace(/^-> |^#!/, '')]));
        const work = join(temp.dir, `w${run++}`);
        const commit = await commitOf(temp.dir, { ...tree, '.git/config': 'x', '.hpcbinder/manifest.json': 'x' });
        expect((await agent.ask(prepare(work, commit)))?.error).toBeUndefined();
        for (const [path, text] of Object.entries(tree)) expect(readFileSync(join(work, path), 'utf8')).toBe(text);
        expect(readdirSync(work).includes('.git')).toBe(false);
      }),
      { numRuns: 40 },
    );
  }, 30_000);

  it('ends with the name of a file that cannot be read as it was listed', async () => {
    const checkout = checkoutOf(join(temp.dir, 'c'), { a: '1', b: '2' });
    rmSync(join(checkout.dir, 'b'));
    await expect(collect(packContent(checkout))).rejects.toMatchObject({
      code: 'E-REPO-FILE',
      message: expect.stringMatching(/^b could not/),
    });
  });

  it('ends when the launch is interrupted', async () => {
    const stop = new AbortController();
    const stream = packContent(checkoutOf(join(temp.dir, 'c'), { a: '1' }), stop.signal);
    stop.abort();
    await expect(collect(stream)).rejects.toThrow();
  });
});

describe('the history archive', () => {
  it('becomes a .git without hooks, settings of others or credentials, in which git works', async () => {
    const checkout = cloned([{ a: '1' }, { a: '2' }], 'https://user:secret@git.example.org/o/r');
    const archive = join(temp.dir, 'git.tar.gz');
    writeFileSync(archive, await collect(await packGit(checkout)));
    const work = join(temp.dir, 'work');
    const commit = await commitOf(temp.dir, { a: '2' });
    await agent.ask(prepare(work, commit, { git: archive }));
    expect(git(work, 'status', '--porcelain')).toBe('');
    expect(git(work, 'log', '--format=%s')).toBe('change');
    expect(git(work, 'remote', 'get-url', 'origin')).toBe('https://git.example.org/o/r');
    expect(existsSync(join(work, '.git', 'hooks'))).toBe(false);
    expect(readFileSync(join(work, '.git', 'config'), 'utf8')).not.toMatch(/fsmonitor|secret/);
    git(work, 'fsck', '--no-dangling');
  });

  it("only gains the next commit: the user's own commits, branch and settings stay", async () => {
    const work = join(temp.dir, 'work');
    const archive = join(temp.dir, 'git.tar.gz');
    writeFileSync(archive, await collect(await packGit(cloned([{ a: '1' }], 'ssh://git@git.example.org/o/r'))));
    await agent.ask(prepare(work, await commitOf(temp.dir, { a: '1' }), { git: archive }));
    writeFileSync(join(work, 'mine'), 'mine');
    git(work, 'checkout', '-qb', 'mine');
    git(work, 'add', 'mine');
    git(work, '-c', 'user.name=u', '-c', 'user.email=u@b', 'commit', '-qm', 'my own');
    const mine = git(work, 'rev-parse', 'HEAD');

    const next = cloned([{ a: '2' }], 'ssh://git@git.example.org/o/r');
    writeFileSync(archive, await collect(await packGit(next)));
    await agent.ask(prepare(work, await commitOf(temp.dir, { a: '2' }), { git: archive }));
    const commit = next.repo.kind === 'git' ? next.repo.commit : '';
    expect(git(work, 'rev-parse', `refs/hpcbinder/${commit.slice(0, 7)}`)).toBe(commit);
    expect([git(work, 'rev-parse', 'HEAD'), git(work, 'branch', '--show-current')]).toEqual([mine, 'mine']);
    expect(git(work, 'show', `${commit}:a`)).toBe('2');
    expect(git(work, 'remote', 'get-url', 'origin')).toBe('ssh://git@git.example.org/o/r');
    git(work, 'fsck', '--no-dangling');
  });

  it('that holds a hook is refused', async () => {
    const archive = join(temp.dir, 'git.tar.gz');
    const plain = checkoutOf(join(temp.dir, 'x'), { 'hooks/post-checkout': '#!/bin/sh\n', HEAD: 'x' });
    await pipeline(packContent(plain), createWriteStream(archive));
    const answer = await agent.ask(
      prepare(join(temp.dir, 'w'), await commitOf(temp.dir, { a: '1' }), { git: archive }),
    );
    expect(answer).toMatchObject({ error: expect.stringContaining('hooks/post-checkout') });
    expect(existsSync(join(temp.dir, 'w'))).toBe(false);
  });
});

describe('sending the content', () => {
  const here = {
    async run(command: Command): Promise<CommandResult> {
      const [program = '', ...words] = command.argv;
      const nothing = new Uint8Array();
      try {
        const stdout = execFileSync(program, words, { stdio: 'pipe' });
        return { ended: { kind: 'exit', code: 0 }, stdout, stderr: nothing, truncated: false };
      } catch (error) {
        const { status, stderr } = error as { status: number; stderr: Buffer };
        return { ended: { kind: 'exit', code: status }, stdout: nothing, stderr, truncated: false };
      }
    },
    async write(path: string, data: AsyncIterable<Uint8Array>, how: { mode: number }) {
      const all = await collect(data);
      await mkdir(temp.dir, { recursive: true });
      writeFileSync(path, all, { mode: how.mode });
      return { bytes: all.length, sha256: '' };
    },
  };

  it('happens once per commit, under its id', async () => {
    const checkout = cloned([{ a: '1' }], 'https://git.example.org/o/r');
    const commit = checkout.repo.kind === 'git' ? checkout.repo.commit : '';
    const store = join(temp.dir, 'scratch', "it's here", 'contents');
    const first = await sendContent(here, store, checkout);
    expect(first).toMatchObject({
      content: `${store}/git-${commit}.tar.gz`,
      git: `${store}/git-${commit}.git.tar.gz`,
      id: `git:${commit}`,
      short: commit.slice(0, 7),
    });
    expect(first.sent).toBeGreaterThan(0);
    expect(await sendContent(here, store, checkout)).toEqual({ ...first, sent: 0 });
  });

  it('of a part of a commit has an id of its own, and no history', async () => {
    const whole = cloned([{ a: '1' }], 'https://git.example.org/o/r');
    mkdirSync(join(whole.dir, 'sub'));
    const part = { ...whole, dir: join(whole.dir, 'sub'), files: checkoutOf(join(whole.dir, 'sub'), { b: '1' }).files };
    const sent = await sendContent(here, join(temp.dir, 'contents'), part);
    expect(sent.id).toMatch(/^tree:/);
    expect(sent.git).toBeUndefined();
  });

  it('of a directory without git sends no history; a store that cannot be made is an error', async () => {
    const checkout = checkoutOf(join(temp.dir, 'c'), { a: '1' });
    const sent = await sendContent(here, join(temp.dir, 'contents'), checkout);
    expect(sent.id).toMatch(/^tree:[0-9a-f]{64}$/);
    expect(sent.git).toBeUndefined();
    writeFileSync(join(temp.dir, 'file'), '');
    await expect(sendContent(here, join(temp.dir, 'file', 'contents'), checkout)).rejects.toMatchObject({
      code: 'E-REMOTE',
    });
  });
});
