/** resolve and checkout against a real git server on loopback. */

import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ResolvedRepo } from '../../core/artifacts.ts';
import type { HpcbinderError } from '../../core/errors.ts';
import { checkout } from '../../repos/checkout.ts';
import type { GitAccess } from '../../repos/git.ts';
import { parseRepo } from '../../repos/parse.ts';
import { resolveLinked, resolveRepo } from '../../repos/resolve.ts';
import { commit, type GitServer, gitServer, makeRepo, sh } from './git-server.ts';

let server: GitServer;
let work: string;
let first: string;
let second: string;
const access: GitAccess = { allowHttp: true };
const at = (name: string, ref?: string) =>
  parseRepo(`${server.url}/${name}`, { allowHttp: true, ...(ref === undefined ? {} : { ref }) });
let counter = 0;
const fresh = () => join(work, `checkout-${counter++}`);

beforeAll(async () => {
  server = await gitServer();
  work = mkdtempSync(join(tmpdir(), 'hb-repos-'));
  const repo = join(server.root, 'repo');
  first = makeRepo(repo, { 'requirements.txt': 'numpy\n', 'binder/postBuild': '#!/bin/sh\n' });
  sh(repo, 'tag', '-a', '-m', 'x', 'v1');
  sh(repo, 'branch', 'release/v1');
  second = commit(repo, { 'new.txt': 'new' });
  sh(repo, 'branch', 'feature/main', first);
});
afterAll(async () => {
  await server.close();
  rmSync(work, { recursive: true, force: true });
});

describe('resolving', () => {
  it.each([
    ['the default branch', undefined, 'main', () => second],
    ['HEAD', 'HEAD', 'main', () => second],
    ['a branch', 'main', 'main', () => second],
    ['an annotated tag to its commit', 'v1', 'v1', () => first],
    ['origin/branch', 'origin/main', 'main', () => second],
    ['refs/heads/branch', 'refs/heads/main', 'main', () => second],
    ['the branch feature/main and not main (REES 8.7 row 116)', 'feature/main', 'feature/main', () => first],
    ['the branch release/v1 and not the tag v1 (REES 8.7 row 116)', 'release/v1', 'release/v1', () => first],
  ])('finds %s', async (_, asked, ref, id) => {
    expect(await resolveRepo(at('repo', asked), access)).toMatchObject({ commit: id(), ref });
  });

  it('takes the default branch where an endpoint’s link says master and there is none, and says so', async () => {
    const ref = at('repo', 'master');
    await expect(resolveRepo(ref, access)).rejects.toMatchObject({ code: 'E-REF-MISSING' });
    // of other hosts a name means what it says
    await expect(resolveLinked(ref, access)).rejects.toMatchObject({ code: 'E-REF-MISSING' });
    const told: string[] = [];
    const github = { ...ref, host: 'github.com' } as typeof ref;
    expect(await resolveLinked(github, access, (text) => told.push(text))).toMatchObject({ commit: second });
    expect(told).toEqual(['there is no branch master: the default branch is taken']);
    await expect(resolveLinked({ ...github, ref: 'dev' } as typeof ref, access)).rejects.toMatchObject({
      code: 'E-REF-MISSING',
    });
  });

  it('believes a whole commit id without asking', async () => {
    const before = server.requests.length;
    expect(await resolveRepo(at('repo', first), access)).toMatchObject({ commit: first });
    expect(server.requests.length).toBe(before);
  });

  it('names the nearest ref when there is none of that name', async () => {
    await expect(resolveRepo(at('repo', 'mian'), access)).rejects.toMatchObject({
      code: 'E-REF-MISSING',
      message: expect.stringMatching(/did you mean main\?/),
    });
  });

  it('says that a shortened commit cannot be asked for', async () => {
    await expect(resolveRepo(at('repo', first.slice(0, 8)), access)).rejects.toMatchObject({
      code: 'E-REF-MISSING',
      hint: expect.stringMatching(/40 digits/),
    });
  });

  it('says that there is no such repository', async () => {
    await expect(resolveRepo(at('nothing'), access)).rejects.toMatchObject({ code: 'E-REPO-MISSING' });
  });

  it('says that nobody answers, and that trying again can help', async () => {
    const repo = parseRepo('http://127.0.0.1:9/x/y', { allowHttp: true });
    await expect(resolveRepo(repo, access)).rejects.toMatchObject({ code: 'E-REPO-FETCH', transient: true });
  });

  describe('with a server that accepts and then says nothing (GIT-13)', () => {
    /** Resolves when git's helper has gone too. */
    const silence = async () => {
      const silent = createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const repo = parseRepo(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/x/y`, { allowHttp: true });
      const connected = once(silent, 'connection');
      return {
        silent,
        repo,
        hungUp: connected.then(([socket]) => once(socket.on('error', () => {}).resume(), 'close')),
      };
    };

    it('gives up at the deadline, and leaves no process', async () => {
      const { silent, repo, hungUp } = await silence();
      const answer = resolveRepo(repo, { ...access, timeoutMs: 1000 });
      await expect(answer).rejects.toMatchObject({
        code: 'E-REPO-FETCH',
        message: expect.stringMatching(/did not finish/),
        transient: true,
      });
      await hungUp;
      silent.close();
    });

    it('ends at once when it is cancelled, and leaves no process', async () => {
      const { silent, repo, hungUp } = await silence();
      const gone = new AbortController();
      const answer = resolveRepo(repo, { ...access, signal: gone.signal });
      silent.once('connection', () => gone.abort());
      await expect(answer).rejects.toMatchObject({ code: 'E-CANCELLED' });
      await hungUp;
      silent.close();
    });
  });

  it("uses no protocol that is not allowed, whatever the user's git settings say (GIT-03)", async () => {
    const home = mkdtempSync(join(work, 'home-'));
    writeFileSync(
      join(home, 'git'),
      `[protocol "ext"]\n\tallow = always\n[url "ext::sh -c 'touch ${home}/PWN' #"]\n\tinsteadOf = ${server.url}\n`,
    );
    process.env.GIT_CONFIG_GLOBAL = join(home, 'git');
    try {
      await expect(resolveRepo(at('repo'), access)).rejects.toMatchObject({ code: 'E-REPO-FETCH' });
      expect(existsSync(join(home, 'PWN'))).toBe(false);
    } finally {
      delete process.env.GIT_CONFIG_GLOBAL;
    }
  });

  it('hands credentials to git without writing them anywhere (GIT-11)', async () => {
    const closed = await gitServer({ login: 'alice:CANARY42' });
    try {
      makeRepo(join(closed.root, 'r'), { a: 'a' });
      const open = parseRepo(`${closed.url}/r`, { allowHttp: true });
      await expect(resolveRepo(open, access)).rejects.toMatchObject({
        code: 'E-REPO-MISSING',
        hint: expect.stringMatching(/credential helper/),
      });
      const repo = await resolveRepo(
        parseRepo(`${closed.url.replace('//', '//alice:CANARY42@')}/r`, { allowHttp: true }),
        access,
      );
      const dir = fresh();
      await checkout(repo, dir, access);
      expect(readFileSync(join(dir, '.git', 'config'), 'utf8')).not.toContain('CANARY42');
    } finally {
      await closed.close();
    }
  });
});

describe('checking out', () => {
  it('fetches the one commit and lists its files', async () => {
    const dir = fresh();
    const repo = await resolveRepo(at('repo', 'main'), access);
    const { files } = await checkout(repo, dir, access);
    expect(files.list().map((file) => `${file.kind} ${file.path}`)).toEqual([
      'directory binder',
      'file binder/postBuild',
      'file new.txt',
      'file requirements.txt',
    ]);
    expect(files.text('requirements.txt')).toBe('numpy\n');
    expect(sh(dir, 'rev-list', '--count', 'HEAD')).toBe('1');
    expect(sh(dir, 'config', 'remote.origin.url')).toBe(`${server.url}/repo`);
    expect(existsSync(join(dir, '.git', 'hooks'))).toBe(false);
  });

  it('gets an old commit by its id', async () => {
    const { files } = await checkout(await resolveRepo(at('repo', first), access), fresh(), access);
    expect(files.get('new.txt')).toBeUndefined();
  });

  it('gets it from a server that gives out only the ends of branches', async () => {
    const old = await gitServer({ config: ['protocol.version=0', 'uploadpack.allowAnySHA1InWant=false'] });
    try {
      const repo = join(old.root, 'r');
      const id = makeRepo(repo, { a: 'old' });
      commit(repo, { a: 'new' });
      process.env.GIT_CONFIG_COUNT = '1';
      process.env.GIT_CONFIG_KEY_0 = 'protocol.version';
      process.env.GIT_CONFIG_VALUE_0 = '0';
      const { files } = await checkout(
        await resolveRepo(parseRepo(`${old.url}/r`, { allowHttp: true, ref: id }), access),
        fresh(),
        access,
      );
      expect(files.text('a')).toBe('old');
    } finally {
      for (const name of ['COUNT', 'KEY_0', 'VALUE_0']) delete process.env[`GIT_CONFIG_${name}`];
      await old.close();
    }
  });

  it('keeps to the commit that was resolved when the branch moves (GIT-16)', async () => {
    const repo = join(server.root, 'moving');
    const id = makeRepo(repo, { a: '1' });
    const resolved = await resolveRepo(at('moving', 'main'), access);
    commit(repo, { a: '2' });
    const { files } = await checkout(resolved, fresh(), access);
    expect([resolved.commit, files.text('a')]).toEqual([id, '1']);
  });

  it('says that there is no such commit, and leaves nothing behind', async () => {
    const dir = fresh();
    const repo = { ...(await resolveRepo(at('repo'), access)), commit: '1'.repeat(40) } as ResolvedRepo;
    await expect(checkout(repo, dir, access)).rejects.toMatchObject({ code: 'E-REF-MISSING' });
    expect(existsSync(dir)).toBe(false);
  });

  it('ends over a limit before anything is unpacked (GIT-13)', async () => {
    makeRepo(join(server.root, 'big'), { zeros: '0'.repeat(3_000_000) });
    const dir = fresh();
    const repo = await resolveRepo(at('big'), access);
    await expect(checkout(repo, dir, { ...access, limits: { bytes: 1e6 } })).rejects.toMatchObject({
      code: 'E-REPO-FETCH',
      message: expect.stringMatching(/1\.0 MB/),
    });
    expect(existsSync(dir)).toBe(false);
  });

  it('ends when it is cancelled', async () => {
    const gone = new AbortController();
    gone.abort();
    const repo = await resolveRepo(at('repo'), access);
    await expect(checkout(repo, fresh(), { ...access, signal: gone.signal })).rejects.toMatchObject({
      code: 'E-CANCELLED',
    });
  });

  it('keeps links as links and never reads through them (GIT-14)', async () => {
    const repo = join(server.root, 'links');
    makeRepo(repo, { a: 'a' });
    symlinkSync('/etc/passwd', join(repo, 'requirements.txt'));
    symlinkSync('/etc', join(repo, 'binder'));
    commit(repo, {});
    const { files } = await checkout(await resolveRepo(at('links'), access), fresh(), access);
    expect(files.get('requirements.txt')).toMatchObject({ kind: 'symlink', target: '/etc/passwd' });
    expect([files.text('requirements.txt'), files.text('binder/passwd')]).toEqual([undefined, undefined]);
  });

  it('takes names with blanks, umlauts and emoji as they are (GIT-17)', async () => {
    makeRepo(join(server.root, 'names'), { 'ä b/🙂.txt': 'x', CON: 'x', 'end.': 'x' });
    const { files } = await checkout(await resolveRepo(at('names'), access), fresh(), access);
    expect(files.list().map((file) => file.path)).toEqual(['CON', 'end.', 'ä b', 'ä b/🙂.txt']);
  });

  it('makes only the named directory the repository, and follows no link to it (GIT-15)', async () => {
    const repo = join(server.root, 'sub');
    makeRepo(repo, { 'a/b/requirements.txt': 'x', 'requirements.txt': 'y' });
    symlinkSync('/', join(repo, 'root'));
    commit(repo, {});
    const resolved = await resolveRepo(at('sub'), access);
    const { files } = await checkout(resolved, fresh(), { ...access, subdir: 'a/b' });
    expect(files.list().map((file) => file.path)).toEqual(['requirements.txt']);
    for (const subdir of ['root/etc', 'nothing']) {
      await expect(checkout(resolved, fresh(), { ...access, subdir })).rejects.toMatchObject({ code: 'E-REPO-SYNTAX' });
    }
  });
});

describe('submodules', () => {
  /** A parent whose .gitmodules says what it likes, with a gitlink to a commit that is there. */
  const parent = (name: string, modules: string, path = 'sub') => {
    const repo = join(server.root, name);
    makeRepo(repo, { '.gitmodules': modules });
    sh(repo, 'update-index', '--add', '--cacheinfo', `160000,${first},${path}`);
    sh(repo, 'commit', '-q', '-m', 'link');
    return at(name);
  };
  const section = (url: string, path = 'sub') => `[submodule "m"]\n\tpath = ${path}\n\turl = ${url}\n`;

  it('come along, at the commit that the parent names', async () => {
    for (const [name, url] of [
      ['whole', `${server.url}/repo`],
      ['relative', '../repo'],
    ] as const) {
      const { files } = await checkout(await resolveRepo(parent(name, section(url)), access), fresh(), access);
      expect(files.text('sub/requirements.txt')).toBe('numpy\n');
      expect(files.get('sub/new.txt')).toBeUndefined();
    }
  });

  it.each([
    ['a path of the machine', section('/etc')],
    ['a file URL', section('file:///etc')],
    ['a command', section('"ext::sh -c touch% /tmp/PWN"')],
    ['an option', section('--upload-pack=touch')],
    ['a path with a carriage return (CVE-2025-48384)', section('../repo', '"sub\\r"'), 'sub\r'],
    ['a path that is an option', section('../repo', '-sub'), '-sub'],
  ])('are refused with %s, by name, and nothing is left (GIT-06, GIT-07)', async (what, modules, path = 'sub') => {
    const dir = fresh();
    const repo = await resolveRepo(
      parent(`bad-${what.replace(/\W/g, '')}`, modules.replace('\\r', '\r'), path),
      access,
    );
    const refusal = await checkout(repo, dir, access).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'E-REPO-FETCH' });
    const { message, evidence } = refusal as HpcbinderError;
    // git itself refuses options, as it takes the commit
    expect([message, ...evidence].join()).toMatch(/submodule "m"|disallowed submodule/);
    expect(existsSync(dir)).toBe(false);
  });

  it('that contain themselves end at a depth', async () => {
    const repo = join(server.root, 'chain');
    let id = makeRepo(repo, { '.gitmodules': section('../chain') });
    for (let i = 0; i < 4; i++) {
      sh(repo, 'update-index', '--add', '--cacheinfo', `160000,${id},sub`);
      sh(repo, 'commit', '-q', '-m', 'deeper');
      id = sh(repo, 'rev-parse', 'HEAD');
    }
    const resolved = await resolveRepo(at('chain'), access);
    await expect(checkout(resolved, fresh(), { ...access, limits: { submoduleDepth: 2 } })).rejects.toMatchObject({
      message: expect.stringMatching(/2 deep/),
    });
  });
});

describe('this machine without git', () => {
  it('names what to install', async () => {
    const { PATH } = process.env;
    process.env.PATH = work;
    try {
      await expect(resolveRepo(at('repo'), access)).rejects.toMatchObject({
        code: 'E-REPO-FETCH',
        hint: expect.stringMatching(/Install git/),
      });
    } finally {
      process.env.PATH = PATH;
    }
    expect(readdirSync(server.root)).toContain('repo');
  });
});
