import { describe, expect, it } from '@jest/globals';
import { HpcbinderError } from '../../../core/errors.ts';
import { BADGE_HEADERS, BADGES, badge } from '../../../server/links/badges.ts';
import { fromInput } from '../../../server/links/input.ts';
import { atCommit, imageName, safeSlug } from '../../../server/links/names.ts';
import { PROVIDERS } from '../../../server/links/providers.ts';
import { readSpec, SERVED } from '../../../server/links/spec.ts';

// REES row 129
describe('what is typed into the form', () => {
  it.each([
    ['org/repo', 'gh', 'org/repo/HEAD'],
    ['org/repo/', 'gh', 'org/repo/HEAD'],
    ['  org/repo  ', 'gh', 'org/repo/HEAD'],
    ['https://github.com/org/repo', 'gh', 'org/repo/HEAD'],
    ['http://github.com/org/repo/', 'gh', 'org/repo/HEAD'],
    ['https://www.github.com/org/repo.git', 'gh', 'org/repo/HEAD'],
    ['github.com/org/repo', 'gh', 'org/repo/HEAD'],
    ['https://github.com/org/repo/tree/feature/x', 'gh', 'org/repo/feature/x'],
    ['https://github.com/org/repo/blob/v1/nb/a.ipynb', 'gh', 'org/repo/v1'],
    ['https://gitlab.com/group/project', 'gl', 'group%2Fproject/HEAD'],
    ['https://gitlab.com/group/sub/project/', 'gl', 'group%2Fsub%2Fproject/HEAD'],
    ['https://gitlab.com/group/project/-/tree/dev', 'gl', 'group%2Fproject/dev'],
    ['gitlab.com/group/project', 'gl', 'group%2Fproject/HEAD'],
    ['https://gist.github.com/user/81e0bd2a83f5', 'gist', 'user/81e0bd2a83f5'],
    ['https://git.example.org/org/repo', 'git', 'https%3A%2F%2Fgit.example.org%2Forg%2Frepo/HEAD'],
    ['https://git.example.org/org/repo/', 'git', 'https%3A%2F%2Fgit.example.org%2Forg%2Frepo/HEAD'],
  ] as const)('%s is %s/%s', (text, provider, spec) => {
    expect(fromInput(text)).toEqual({ provider, spec });
  });

  it('means what the chosen provider and ref say', () => {
    expect(fromInput('group/project', { provider: 'gl', ref: 'main' })).toEqual({
      provider: 'gl',
      spec: 'group%2Fproject/main',
    });
    expect(fromInput('user/81e0bd2a83f5', { provider: 'gist' }).spec).toBe('user/81e0bd2a83f5');
    expect(fromInput('https://github.com/org/repo/tree/dev', { ref: ' main ' }).spec).toBe('org/repo/main');
  });

  it.each([
    '',
    'repo',
    'a/b/c',
    '--upload-pack=x/y',
    '/srv/x',
    '../x',
    'git@github.com:org/repo',
    'ssh://git@h/x',
    'file:///srv/x',
    'ext::sh -c x',
    'https://u:p@github.com/org/repo',
    'https://github.com',
    'org/re\u202epo',
    'https://github.com/%zz/x',
  ])('%j is refused', (text) => expect(() => fromInput(text)).toThrow(HpcbinderError));
});

// REES row 128
describe('the name of an image', () => {
  it.each([
    ['binder-examples-octave', 'binder-2dexamples-2doctave-03025a'],
    ['zenodo-3242074', 'zenodo-2d3242074-b993d2'],
  ])('of %s is %s', (slug, name) => expect(safeSlug(slug)).toBe(name));

  it.each(['3035124.v3.0', '20460.v1.0', '123456', '', '-', 'a_', 'x'.repeat(400), 'é/ö'])(
    'of %j never ends in a mark, and fits',
    (slug) => {
      expect(safeSlug(slug)).toMatch(/^[a-z0-9-]*-[0-9a-f]{6}$/);
      expect(safeSlug(slug).length).toBeLessThanOrEqual(255);
    },
  );

  it('has the commit behind it, and the page of the commit is where people look', () => {
    const sha = 'a'.repeat(40);
    const of = (provider: 'gh' | 'gl' | 'gist' | 'git', spec: string) => {
      const repo = readSpec(provider, spec);
      return { ...atCommit({ provider, spec }, repo, sha), image: imageName(provider, repo, sha) };
    };
    expect(of('gh', 'Org/Repo_/feature/x')).toEqual({
      page: `https://github.com/Org/Repo_/tree/${sha}`,
      spec: `Org/Repo_/${sha}`,
      image: expect.stringMatching(/^hpcbinder-org-2drepo-5f-[0-9a-f]{6}:a{40}$/),
    });
    expect(of('gl', 'a%2Fb/main')).toMatchObject({
      page: `https://gitlab.com/a/b/-/tree/${sha}`,
      spec: `a%2Fb/${sha}`,
    });
    expect(of('gist', 'user/81e0bd')).toMatchObject({
      page: `https://gist.github.com/user/81e0bd/${sha}`,
      spec: `user/81e0bd/${sha}`,
    });
    expect(of('git', 'https%3A%2F%2Fh.example.org%2Fr/main')).toMatchObject({ page: 'https://h.example.org/r' });
  });
});

describe('/api/repoproviders', () => {
  it('names what is served, in the shape that BinderHub’s page reads', () => {
    expect(PROVIDERS.map(({ id }) => id)).toEqual(expect.arrayContaining([...SERVED]));
    for (const { spec, detect, repo, ref, displayName } of PROVIDERS) {
      expect(() => new RegExp(spec.validateRegex)).not.toThrow();
      if (detect) expect(detect.regex).toContain('?<repo>');
      expect([displayName, repo.label, repo.placeholder, ref.default].every((text) => text !== '')).toBe(true);
    }
  });

  it.each([
    ['gh', 'https://github.com/org/repo/', 'org/repo'],
    ['gh', 'org/repo.git', 'org/repo'],
    ['gl', 'https://gitlab.com/group/sub/project', 'group/sub/project'],
    ['gist', 'https://gist.github.com/user/81e0bd', 'user/81e0bd'],
  ])('%s finds in %s the repository %s', (id, text, repo) => {
    const { detect } = PROVIDERS.find((one) => one.id === id) ?? {};
    expect(new RegExp(detect?.regex ?? '').exec(text)?.groups?.repo).toBe(repo);
  });
});

// SECURITY WEB-14
describe('the badges', () => {
  it.each(BADGES)('%s is a small drawing with a title, and nothing that runs or loads', (kind) => {
    const svg = badge(kind);
    expect(svg.length).toBeLessThan(2000);
    expect(svg).toMatch(
      /^<svg [^>]*role="img" aria-labelledby="hb-[a-z]+-t"><title id="hb-[a-z]+-t">Launch with hpcbinder<\/title>/,
    );
    expect(svg).not.toMatch(/script|href|foreignObject|on[a-z]+=|<!|<\?/i);
    const open = [...svg.matchAll(/<([a-zA-Z]+)(?:\s[^>]*[^/])?>/g)].map((match) => match[1]);
    const closed = [...svg.matchAll(/<\/([a-zA-Z]+)>/g)].map((match) => match[1]);
    expect([...open].sort()).toEqual([...closed].sort());
  });

  it('can do nothing where one is opened by itself', () => {
    expect(BADGE_HEADERS['Content-Security-Policy']).toContain('sandbox');
    expect(BADGE_HEADERS['Content-Type']).toBe('image/svg+xml; charset=utf-8');
  });
});
