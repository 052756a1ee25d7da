import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HpcbinderError } from '../../../core/errors.ts';
import { legacyTarget, parseLink, readLink, repoOf } from '../../../server/links/link.ts';
import { linkOf } from '../../../server/links/written.ts';

const at = (path: string) => new URL(`https://binder.example.edu${path}`);
const refusal = (act: () => unknown): HpcbinderError => {
  try {
    act();
  } catch (error) {
    if (error instanceof HpcbinderError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};
const SHA = '0123456789abcdef0123456789abcdef01234567';

describe('a launch link', () => {
  it.each([
    ['/v2/gh/org/repo/HEAD', 'https://github.com/org/repo', 'HEAD'],
    ['/v2/gh/org/repo.git/main', 'https://github.com/org/repo', 'main'],
    ['/v2/gh/user/repo/hotfix/x', 'https://github.com/user/repo', 'hotfix/x'],
    ['/v2/gh/user/repo/hotfix%2Fx', 'https://github.com/user/repo', 'hotfix/x'],
    ['/v2/gh/user/repo/fix%2312', 'https://github.com/user/repo', 'fix#12'],
    ['/v2/gh/user/repo/100%2525', 'https://github.com/user/repo', '100%25'],
    [`/v2/gh/user/repo/${SHA}/`, 'https://github.com/user/repo', SHA],
    ['/build/gh/user/repo/v1.0', 'https://github.com/user/repo', 'v1.0'],
    ['/v2/gl/group%2Fsub%2Fproject/main', 'https://gitlab.com/group/sub/project.git', 'main'],
    ['/v2/git/https%3A%2F%2Fgit.example.org%2Forg%2Frepo/HEAD', 'https://git.example.org/org/repo', 'HEAD'],
    [
      '/v2/git/https%3A%2F%2Fgit.example.org%3A8443%2Forg%2Frepo.git/a/b',
      'https://git.example.org:8443/org/repo.git',
      'a/b',
    ],
    ['/v2/git/https%3A%2F%2Fgit.example.org%2Fan%2520odd%2Frepo/HEAD', 'https://git.example.org/an%20odd/repo', 'HEAD'],
    ['/v2/gist/user/81e0bd2a83f5', 'https://gist.github.com/user/81e0bd2a83f5.git', undefined],
    ['/v2/gist/user/81e0bd2a83f5/master', 'https://gist.github.com/user/81e0bd2a83f5.git', undefined],
    [`/v2/gist/user/81e0bd2a83f5/${SHA}`, 'https://gist.github.com/user/81e0bd2a83f5.git', SHA],
  ])('%s is %s at %s', (path, url, ref) => {
    const { url: found, ref: asked } = repoOf(parseLink(at(path)));
    expect([found, asked]).toEqual([url, ref]);
  });

  it('below another path than / is read below it', () => {
    expect(parseLink(at('/binder/v2/gh/org/repo/HEAD'), { base: '/binder/' }).spec).toBe('org/repo/HEAD');
  });

  it('without a ref names the one that was probably meant', () => {
    expect(refusal(() => parseLink(at('/v2/gh/short/suggestion'))).hint).toBe('Did you mean "short/suggestion/HEAD"?');
    expect(refusal(() => parseLink(at('/v2/gh/short/HEAD'))).hint).not.toContain('Did you mean');
    expect(refusal(() => parseLink(at('/v2/git/https%3A%2F%2Fgit.example.org%2Forg%2Frepo'))).message).toContain(
      'names no ref',
    );
  });

  it('to main or master may fall back to the default branch, as old links need it', () => {
    expect(repoOf(parseLink(at('/v2/gh/org/repo/master'))).fallback).toBe('HEAD');
    expect(repoOf(parseLink(at('/v2/gh/org/repo/dev'))).fallback).toBeUndefined();
  });

  it.each([
    'zenodo/10.5281/zenodo.3242074',
    'figshare/10.6084/m9',
    'dataverse/10.7910/DVN',
    'hydroshare/x',
    'ckan/x',
    'swh/x',
    'nothing/x',
  ])('to %s is refused and told what is served', (rest) => {
    const { code, hint } = refusal(() => parseLink(at(`/v2/${rest}`)));
    expect([code, hint]).toEqual(['E-LINK', expect.stringContaining('gh (GitHub), gist')]);
  });

  // SECURITY GIT-01, 02, 03, 04, 11, 12: nothing of this reaches a process, for no process is known to this code
  it.each([
    ['an option for a repository', '/v2/git/--upload-pack%3Dtouch%20PWN/HEAD'],
    ['an option for a user', '/v2/gh/--upload-pack=x/repo/HEAD'],
    ['an option for a name', '/v2/gh/org/-x/HEAD'],
    ['an option in a path', '/v2/git/https%3A%2F%2Fh.example.org%2F--upload-pack%3Dx/HEAD'],
    ['an option for a ref', '/v2/gh/org/repo/--upload-pack=touch%20x'],
    ['a range for a ref', '/v2/gh/org/repo/a..b'],
    ['a reflog for a ref', '/v2/gh/org/repo/@%7Bu%7D'],
    ['an expression for a ref', '/v2/gh/org/repo/HEAD%5E%7B%2Fx%7D'],
    ['a space in a ref', '/v2/gh/org/repo/a%20b'],
    ['a directory', '/v2/git/%2Fsrv%2Fsecret.git/HEAD'],
    ['a directory of one’s own', '/v2/git/..%2Fx/HEAD'],
    ['file://', '/v2/git/file%3A%2F%2F%2Fsrv%2Fsecret.git/HEAD'],
    ['ssh://', '/v2/git/ssh%3A%2F%2Fgit%40host%2Forg%2Frepo/HEAD'],
    ['the form of scp', '/v2/git/git%40host%3Aorg%2Frepo/HEAD'],
    ['git://', '/v2/git/git%3A%2F%2Fhost%2Frepo/HEAD'],
    ['ftp://', '/v2/git/ftp%3A%2F%2Fhost%2Frepo/HEAD'],
    ['http:// where it is not allowed', '/v2/git/http%3A%2F%2Fh.example.org%2Frepo/HEAD'],
    ['ext::', '/v2/git/ext%3A%3Ash%20-c%20x/HEAD'],
    ['a drive', '/v2/git/C%3A%5Crepo/HEAD'],
    ['no repository', '/v2/git/not%20a%20repo/HEAD'],
    ['a name and a password', '/v2/git/https%3A%2F%2Fuser%3ACANARY42%40h.example.org%2Fr/HEAD'],
    ['a host by another name', '/v2/git/https%3A%2F%2Fgithub.com.%2Forg%2Frepo/HEAD'],
    ['a way up', '/v2/git/https%3A%2F%2Fh.example.org%2Fa%2F..%2Fb/HEAD'],
    ['a way up, encoded twice', '/v2/git/https%3A%2F%2Fh.example.org%2Fa%2F%252e%252e%2Fb/HEAD'],
    ['a hidden slash', '/v2/git/https%3A%2F%2Fh.example.org%2Fa%252Fb/HEAD'],
    ['a slash in a user', '/v2/gh/a%2Fb/repo/HEAD'],
    ['a query in a repository', '/v2/git/https%3A%2F%2Fh.example.org%2Fa%3Fb/HEAD'],
    ['a newline', '/v2/gh/org/repo/a%0ab'],
    ['a newline in a host', '/v2/git/https%3A%2F%2Fh%0A.example.org%2Fr/HEAD'],
    ['an escape sequence', '/v2/gh/org/%1b%5B2J/HEAD'],
    ['a bidirectional mark', '/v2/gh/org/repo/%E2%80%AEx'],
    ['a broken percent sign', '/v2/gh/org/repo/%zz'],
    ['no UTF-8', '/v2/gh/org/repo/%ff'],
    ['an unencoded address', '/v2/git/https://h.example.org/org/repo/HEAD'],
    ['one part of GitLab', '/v2/gl/group/project/main'],
    ['no spec', '/v2/gh'],
    ['no provider', '/v2/'],
    ['something long', `/v2/gh/org/repo/${'a/'.repeat(1100)}b`],
  ])('with %s is refused', (_, path) => {
    const error = refusal(() => parseLink(at(path)));
    expect(error.code).toBe('E-LINK');
    expect(`${error.message} ${error.hint}`).not.toMatch(/CANARY42|[\u0000-\u001f\u202e]/);
  });

  it('carries resources, an app, data and a page', () => {
    const { spec, provider, ...wanted } = parseLink(
      at(
        '/v2/gh/o/r/HEAD?partition=gpu&gpus=a100:2&time=2h&mem=32G&cpus=8&app=lab&cluster=campus&data=era5,cmip6&idle=30m&urlpath=lab/tree/a.ipynb',
      ),
    );
    expect(wanted).toEqual({
      partition: 'gpu',
      gpus: 2,
      gpuType: 'a100',
      seconds: 7200,
      memoryMb: 32768,
      cpus: 8,
      app: 'lab',
      cluster: 'campus',
      data: ['era5', 'cmip6'],
      idleSeconds: 1800,
      path: 'lab/tree/a.ipynb',
    });
  });

  // as links of mybinder.org have it
  it.each([
    ['urlpath=rstudio', { app: 'rstudio' }],
    ['urlpath=/rstudio/', { app: 'rstudio' }],
    ['urlpath=RStudio', { app: 'rstudio' }],
    ['urlpath=rstudio/%3Fproject%3Da', { app: 'rstudio', path: '?project=a' }],
    ['urlpath=shiny', { app: 'shiny' }],
    ['urlpath=shiny/bus-dashboard/', { app: 'shiny' }],
    ['urlpath=rstudio-old/x', { path: 'rstudio-old/x' }],
    ['urlpath=lab/tree/rstudio', { path: 'lab/tree/rstudio' }],
    ['urlpath=rstudio&app=lab', { app: 'lab', path: 'rstudio' }],
    ['filepath=shiny', { path: 'tree/shiny' }],
  ])('%s chooses the app', (query, chosen) => {
    const { spec: _, provider: __, ...wanted } = parseLink(at(`/v2/gh/o/r/HEAD?${query}`));
    expect(wanted).toEqual(chosen);
  });

  // SECURITY ABU-08
  it.each([
    'gpus=-1',
    'gpus=1-1000',
    'gpus=1e3',
    'cpus=0',
    'cpus=1,2',
    'cpus=99999999999',
    'time=999-00',
    'time=x',
    'mem=10000000T',
    'mem=-1',
    'partition=-p',
    'partition=a%20b',
    'app=bash',
    'data=..',
    'time=1h&time=2h',
    'build_only=true',
    'cluster=%0a',
  ])('with %s is refused, and the parameter is named', (query) => {
    const error = refusal(() => parseLink(at(`/v2/gh/o/r/HEAD?${query}`)));
    expect(error.code).toBe('E-LINK');
    expect(error.message).toContain(query.split('=', 1)[0]);
  });

  // SECURITY INJ-08, WEB-06
  it('says which of its parameters are not heard', () => {
    const link = at('/v2/gh/o/r/HEAD?env=LD_PRELOAD%3Dx&mount=/home&account=rich&__proto__=x&gpus=1&build_token=t');
    expect(readLink(link)).toEqual({
      wanted: { provider: 'gh', spec: 'o/r/HEAD', gpus: 1 },
      ignored: ['env', 'mount', 'account', '__proto__'],
    });
  });

  it('is what linkOf writes of what it means', () => {
    const ref = fc.stringMatching(/^[A-Za-z0-9#%&+é][A-Za-z0-9#%&+é]{0,8}(\/[a-z0-9%#]{1,5}){0,2}$/);
    const repo = fc.oneof(
      ref.map((r) => ({ provider: 'gh', spec: `org/repo/${r}x` })),
      ref.map((r) => ({
        provider: 'git',
        spec: `https%3A%2F%2Fh.example.org%2Fa%2520b%2Fr/x${r}`,
      })),
    );
    const more = fc.record(
      {
        partition: fc.constant('gpu'),
        seconds: fc.integer({ min: 1, max: 1e6 }),
        cpus: fc.integer({ min: 1, max: 128 }),
        memoryMb: fc.integer({ min: 1, max: 1e6 }),
        gpus: fc.integer({ min: 0, max: 8 }),
        path: fc.constantFrom('lab/tree/a%20b.ipynb', 'voila/render/a.ipynb?a=b', 'tree/x%23y'),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(repo, more, (spec, rest) => {
        const wanted = { ...spec, ...rest };
        expect(parseLink(at(`/${linkOf(wanted)}`))).toEqual(wanted);
      }),
    );
  });
});

describe('a legacy link (REES row 132)', () => {
  it.each([
    ['/repo/user/repo', 'v2/gh/user/repo/master'],
    ['/repo/user/repo/', 'v2/gh/user/repo/master'],
    ['/repo/user/repo/nb/a.ipynb', 'v2/gh/user/repo/master?urlpath=nb%2Fa.ipynb'],
    ['/repo/user/repo/a%20b', 'v2/gh/user/repo/master?urlpath=a%2520b'],
  ])('%s leads to %s', (from, to) => {
    expect(legacyTarget(from)).toBe(to);
    expect(parseLink(at(`/${to}`)).spec).toBe('user/repo/master');
  });

  it.each(['/repo/user', '/repo/--x/y', '/repo/user/repo/..%2f..%2fx', '/repo/u/r/%5cx'])('%s is refused', (from) => {
    expect(refusal(() => legacyTarget(from)).code).toBe('E-LINK');
  });
});
