/** Private repositories of an endpoint: the file of tokens, when one is tried, and where it never goes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { GitCredentials } from '../../core/repository-tokens.ts';
import { checkout } from '../../repos/checkout.ts';
import { formatCredentials, parseCredentials, withToken } from '../../repos/credentials.ts';
import { guardOf } from '../../repos/guard.ts';
import { parseRepo } from '../../repos/parse.ts';
import { resolveLinked } from '../../repos/resolve.ts';
import { type GitServer, gitServer, makeRepo, sh } from './git-server.ts';

describe('the file of tokens', () => {
  it('has whatever was kept, in the form that git reads', () => {
    const word = fc
      .string({ minLength: 1, maxLength: 40, unit: 'grapheme' })
      .filter((text) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(text) && text.length <= 200);
    fc.assert(
      fc.property(fc.domain(), word, word, (host, user, password) => {
        const kept = withToken([], { host, user, password });
        expect(parseCredentials(formatCredentials(kept))).toEqual([{ host: host.toLowerCase(), user, password }]);
      }),
    );
    expect(formatCredentials([{ host: 'git.example.edu:8443', user: 'a b', password: 'p@s/s' }])).toBe(
      'https://a%20b:p%40s%2Fs@git.example.edu:8443\n',
    );
  });

  it('one token for each host, and no others than those that can be used', () => {
    const first = withToken([], { host: 'GitHub.com', user: 'x', password: '1' });
    expect(withToken(first, { host: 'github.com', user: 'y', password: '2' })).toEqual([
      { host: 'github.com', user: 'y', password: '2' },
    ]);
    for (const host of ['', 'a b', 'https://github.com', 'github.com/org', 'user@github.com', '-x', 'a\nb', '[::1]'])
      expect(() => withToken([], { host, user: 'x', password: '1' })).toThrow('no name of a host');
    for (const password of ['', 'a\nb', '\u001b[2J', 'x'.repeat(5000)])
      expect(() => withToken([], { host: 'github.com', user: 'x', password })).toThrow('no token');
    expect(() => withToken([], { host: 'github.com', user: 'a\0', password: '1' })).toThrow("no user's name");
  });

  it('lines of another kind open nothing', () => {
    const text = 'http://a:b@x.org\nhttps://only@x.org\nhttps://a:b@x.org/path\nnonsense\nhttps://a:%0a@x.org\n';
    expect(parseCredentials(text)).toEqual([]);
  });
});

describe('a private repository at an endpoint', () => {
  const login: GitCredentials = { user: 'alice', password: 'CANARY42' };
  const guard = guardOf(() => ['127.0.0.1', 'localhost']);
  const access = { guard, allowHttp: true };
  const dir = mkdtempSync(join(tmpdir(), 'hb-private-'));
  let closed: GitServer;
  let open: GitServer;
  let tried: string[];
  const credentialsFor = async ({ url }: { url: string }) => {
    tried.push(url);
    return login;
  };
  const at = (server: GitServer, ref?: string) =>
    parseRepo(`${server.url}/r`, { allowHttp: true, ...(ref ? { ref } : {}) });

  beforeAll(async () => {
    [closed, open] = await Promise.all([gitServer({ login: 'alice:CANARY42' }), gitServer()]);
  });
  afterAll(async () => {
    await Promise.all([closed.close(), open.close()]);
    rmSync(dir, { recursive: true, force: true });
  });

  it('is read with a token where it cannot be read without, also by a whole commit id', async () => {
    const commit = makeRepo(join(closed.root, 'r'), { a: 'a' });
    for (const ref of [undefined, 'main', commit]) {
      tried = [];
      await expect(resolveLinked(at(closed, ref), access))
        .rejects.toMatchObject({ code: 'E-REPO-MISSING' })
        .catch(
          // believed until it is fetched, where nobody has a token
          () => expect(ref).toBe(commit),
        );
      await expect(
        resolveLinked(at(closed, ref), { ...access, credentialsFor: async () => undefined }),
      ).rejects.toMatchObject({ code: 'E-REPO-MISSING' });
      const repo = await resolveLinked(at(closed, ref), { ...access, credentialsFor });
      expect(repo).toMatchObject({ commit, credentials: login });
      expect(tried).toHaveLength(1);
    }
  });

  it('a public one is read without, and no token is looked for', async () => {
    const commit = makeRepo(join(open.root, 'r'), { a: 'a' });
    for (const ref of ['main', commit]) {
      tried = [];
      const repo = await resolveLinked(at(open, ref), { ...access, credentialsFor });
      expect(repo).toMatchObject({ commit });
      expect(repo).not.toHaveProperty('credentials');
      expect(tried).toEqual([]);
    }
  });

  it('its token is not sent to the host of a submodule, though that one asks for one (GIT-11)', async () => {
    const other = await gitServer({ login: 'nobody:knows' });
    try {
      const sub = makeRepo(join(other.root, 's'), { s: 's' });
      const main = join(closed.root, 'with-sub');
      makeRepo(main, { a: 'a' });
      sh(main, 'config', '-f', '.gitmodules', 'submodule.s.path', 's');
      sh(main, 'config', '-f', '.gitmodules', 'submodule.s.url', `${other.url.replace('127.0.0.1', 'localhost')}/s`);
      sh(main, 'add', '.gitmodules');
      sh(main, 'update-index', '--add', '--cacheinfo', `160000,${sub},s`);
      sh(main, 'commit', '-q', '-m', 'sub');
      const ref = parseRepo(`${closed.url}/with-sub`, { allowHttp: true });
      const repo = await resolveLinked(ref, { ...access, credentialsFor });
      mkdirSync(join(dir, 'sub'));
      await expect(checkout(repo, join(dir, 'sub'), access)).rejects.toMatchObject({ code: 'E-REPO-FETCH' });
      expect(other.requests.length).toBeGreaterThan(0);
      expect(other.logins.filter((each) => each !== '')).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it('leaves no token in its checkout', async () => {
    const repo = await resolveLinked(at(closed), { ...access, credentialsFor });
    mkdirSync(join(dir, 'whole'));
    await checkout(repo, join(dir, 'whole'), access);
    expect(readFileSync(join(dir, 'whole', '.git', 'config'), 'utf8')).not.toContain('CANARY42');
  });
});
