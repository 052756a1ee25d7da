import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HpcbinderError } from '../../core/errors.ts';
import { isCommitId, isRefName } from '../../core/refname.ts';
import { type ParseOptions, parseRepo, parseSubdir } from '../../repos/parse.ts';

const code = (run: () => unknown) => {
  try {
    run();
    return 'accepted';
  } catch (error) {
    return error instanceof HpcbinderError ? error.code : error;
  }
};

describe('what is typed as a repository', () => {
  it.each([
    ['https://github.com/org/repo', 'https://github.com/org/repo', 'github.com', 'org/repo', undefined],
    ['https://github.com/org/repo.git/', 'https://github.com/org/repo.git', 'github.com', 'org/repo', undefined],
    [
      'https://GitLab.example.org:8443/a/b/c',
      'https://gitlab.example.org:8443/a/b/c',
      'gitlab.example.org',
      'a/b/c',
      undefined,
    ],
    [
      'https://github.com/org/repo/tree/feature/x',
      'https://github.com/org/repo',
      'github.com',
      'org/repo',
      'feature/x',
    ],
    ['https://github.com/org/repo/blob/main/a.ipynb', 'https://github.com/org/repo', 'github.com', 'org/repo', 'main'],
    ['https://github.com/org/repo?tab=readme#top', 'https://github.com/org/repo', 'github.com', 'org/repo', undefined],
    ['https://gitlab.com/g/s/repo/-/tree/v1', 'https://gitlab.com/g/s/repo', 'gitlab.com', 'g/s/repo', 'v1'],
    [
      'https://codeberg.org/org/repo/src/branch/dev',
      'https://codeberg.org/org/repo',
      'codeberg.org',
      'org/repo',
      'dev',
    ],
    [
      'ssh://git@host.example:2222/org/repo.git',
      'ssh://git@host.example:2222/org/repo.git',
      'host.example',
      'org/repo',
      undefined,
    ],
    ['git@github.com:org/repo.git', 'ssh://git@github.com/org/repo.git', 'github.com', 'org/repo', undefined],
    ['org/repo', 'https://github.com/org/repo', 'github.com', 'org/repo', undefined],
    ['github.com/org/repo', 'https://github.com/org/repo', 'github.com', 'org/repo', undefined],
    [
      'https://host.example/équipe/a%20b',
      'https://host.example/%C3%A9quipe/a%20b',
      'host.example',
      'équipe/a b',
      undefined,
    ],
  ])('takes %s', (text, url, host, path, ref) => {
    expect(parseRepo(text)).toEqual({ kind: 'git', url, host, path, ...(ref === undefined ? {} : { ref }) });
  });

  it.each(['./dir', '../dir', '/srv/dir', '~/dir', '.', '..', '~'])('takes %s for a directory, by its sign', (path) => {
    expect(parseRepo(path)).toEqual({ kind: 'local', path });
  });

  it('takes any name for a directory when told so', () => {
    expect(parseRepo('org/repo', { local: true })).toEqual({ kind: 'local', path: 'org/repo' });
  });

  it('splits credentials off, so that no URL holds them (GIT-11)', () => {
    const repo = parseRepo('https://alice:p%40ss@host.example/org/repo');
    expect(repo).toMatchObject({
      url: 'https://host.example/org/repo',
      credentials: { user: 'alice', password: 'p@ss' },
    });
  });

  it('shows no password in a refusal (GIT-11)', () => {
    expect(() => parseRepo('https://u:CANARY42@host.example/../x')).toThrow(/\*\*\*@host/);
    expect(() => parseRepo('https://u:CANARY42@host.example/../x')).not.toThrow(/CANARY42/);
  });

  it.each([
    ['an option (GIT-01)', '--upload-pack=touch /tmp/PWN'],
    ['a short option (GIT-01)', '-utouch'],
    ['a command as transport (GIT-03)', "ext::sh -c 'touch /tmp/PWN'"],
    ['a file URL (GIT-04)', 'file:///home/bob/private'],
    ['a host without a user (GIT-04)', 'host:path'],
    ['a Windows path (GIT-04)', 'C:\\repo'],
    ['a plain word', 'not a repo'],
    ['one word', 'repo'],
    ['git without encryption', 'git://host/org/repo'],
    ['ftp', 'ftp://host/org/repo'],
    ['http', 'http://host.example/org/repo'],
    ['an ssh host that is an option (GIT-10)', 'ssh://-oProxyCommand=touch/x'],
    ['an scp host that is an option (GIT-10)', 'git@-oX:y'],
    ['a user with a command (GIT-10)', 'ssh://$(id)@host/x'],
    ['a host with a command (GIT-10)', 'ssh://git@a;b/x'],
    ['a host with a percent (GIT-10)', 'ssh://git@%n/x'],
    ['a path that is an option', 'ssh://git@host/-x'],
    ['a newline (GIT-12)', 'https://host/a\nb'],
    ['an escape (GIT-12)', 'https://host/\u001b[2J'],
    ['a bidirectional control (GIT-12)', 'https://host/a\u202eb'],
    ['an encoded newline (GIT-12)', 'https://host/a%0ab'],
    ['an encoded newline in a password (GIT-12)', 'https://u:p%0ahost=evil@host/a/b'],
    ['NUL', 'https://host/a\0b'],
    ['a way up', 'https://host/a/../b'],
    ['an encoded slash', 'https://host/a%2F..%2Fb/c'],
    ['no path', 'https://host/'],
    ['an address in brackets', 'https://[::1]/a/b'],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(code(() => parseRepo(text))).toBe('E-REPO-SYNTAX');
  });

  it('names the accepted forms when it refuses', () => {
    try {
      parseRepo('nonsense');
    } catch (error) {
      expect((error as HpcbinderError).hint).toMatch(/https:\/\/host\/org\/repo[\s\S]*org\/repo[\s\S]*\.\/directory/);
    }
    expect.assertions(1);
  });

  it('lets http through only where it was allowed', () => {
    expect(parseRepo('http://127.0.0.1:8000/r', { allowHttp: true })).toMatchObject({ url: 'http://127.0.0.1:8000/r' });
  });

  it.each<[string, string, ParseOptions]>([
    ['a ref for a directory', './x', { ref: 'main' }],
    ['two different refs', 'https://github.com/o/r/tree/a', { ref: 'b' }],
    ['a ref that is an option (GIT-02)', 'o/r', { ref: '--upload-pack=touch /tmp/PWN' }],
  ])('refuses %s', (_, text, options) => {
    expect(code(() => parseRepo(text, options))).toBe('E-REPO-SYNTAX');
  });

  it('never yields a URL or a path that could be an option, whatever is typed', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.webUrl(), fc.stringMatching(/^[a-z@:/.%-]{1,40}$/)),
        (text) => {
          if (code(() => parseRepo(text)) !== 'accepted') return;
          const repo = parseRepo(text);
          if (repo.kind === 'local') return;
          expect(repo.url).toMatch(/^(?:https|ssh):\/\/[A-Za-z0-9]/);
          expect(repo.url).not.toMatch(/[\u0000-\u0020\u007f]|\/-[^/]/);
          expect(repo.path.split('/')).not.toContain('..');
        },
      ),
    );
  });
});

describe('refs (GIT-02)', () => {
  it.each(['main', 'feature/x', 'refs/heads/ok', 'v1.0', 'é', 'a'.repeat(41)])('takes %s', (ref) => {
    expect(isRefName(ref)).toBe(true);
  });
  it.each([
    '--all',
    '-x',
    '--git-dir=/x',
    'a..b',
    'a b',
    '@{u}',
    'HEAD^{/x}',
    'main~1',
    'a.lock',
    '.a',
    'a/',
    '/a',
    'a//b',
    '@',
    'a:b',
    'a\\b',
    'a*',
    '',
    'a\u007fb',
  ])('refuses "%s"', (ref) => {
    expect(isRefName(ref)).toBe(false);
  });
  it('knows a commit by its length', () => {
    expect([39, 40, 41, 63, 64, 65].map((n) => isCommitId('a'.repeat(n)))).toEqual([
      false,
      true,
      false,
      false,
      true,
      false,
    ]);
    expect(isCommitId('A'.repeat(40))).toBe(false);
  });
});

describe('--subdir (GIT-15)', () => {
  it.each(['../..', '/etc', 'a/../../b', '', '.', '.git/hooks', 'a\nb'])('refuses "%s"', (text) => {
    expect(code(() => parseSubdir(text))).toBe('E-REPO-SYNTAX');
  });
  it('cleans the rest', () => expect(parseSubdir('./a//b/')).toBe('a/b'));
});
