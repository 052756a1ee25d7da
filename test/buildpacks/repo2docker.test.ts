import { describe, expect, it } from '@jest/globals';
import { detect, environmentKey, type Facts, inWords, plan, pythonOffer } from '../../buildpacks/index.ts';
import { type Content, outcome, repo } from './files.ts';

const facts: Facts = {
  platform: 'linux/amd64',
  repo: { kind: 'git', url: 'https://h/o/r', host: 'h', path: 'o/r', commit: 'a'.repeat(40) },
  tool: 'hpcbinder 0',
  repo2docker: { version: '2026.4.0' },
};
type Contents = Readonly<Record<string, Content>>;
const specOf = (contents: Contents) => detect(repo(contents), pythonOffer(), 'repo2docker');
const planOf = (contents: Contents, changed: Partial<Facts> = {}) =>
  plan(specOf(contents), repo(contents), { ...facts, ...changed });
const CONDA = { 'environment.yml': 'dependencies: [numpy]' };

describe('--builder repo2docker', () => {
  it.each<[string, Contents]>([
    ['conda (environment.yml)', CONDA],
    ['conda (binder/environment.yml)', { 'binder/environment.yml': '' }],
    ['R (install.R)', { 'install.R': '' }],
    ['Julia (Project.toml)', { 'Project.toml': '' }],
    ['Nix (default.nix)', { 'default.nix': '' }],
    ['Pipenv (Pipfile)', { Pipfile: '' }],
    ['Python (requirements.txt)', { 'requirements.txt': 'numpy' }],
    ['Python', {}],
    ['Dockerfile', { ...CONDA, Dockerfile: 'FROM x' }],
  ])('takes %s', (words, contents) => {
    const files = repo(contents);
    expect(inWords(specOf(contents), files)).toBe(words);
    expect(planOf(contents)).toMatchObject({ builder: 'repo2docker', contentInImage: true, repoDir: '/srv/repo' });
  });

  it('is named by the error about what our own builders do not know', () => {
    expect(() => detect(repo(CONDA))).toThrow(
      expect.objectContaining({
        code: 'E-BUILDER-UNSUPPORTED',
        hint: expect.stringContaining('--builder repo2docker'),
      }),
    );
  });

  it("begins with the tool's entrypoint, which knows `start`; a Dockerfile keeps its own", () => {
    const start = planOf({ ...CONDA, 'binder/start': '#!/bin/sh\n', 'binder/environment.yml': '' });
    expect(start.entrypoint).toEqual(['/usr/local/bin/repo2docker-entrypoint']);
    expect(start.env).toEqual([['R2D_ENTRYPOINT', '/srv/repo/binder/start']]);
    expect(planOf({ Dockerfile: 'FROM x', start: '#!/bin/sh\n' })).toMatchObject({ entrypoint: [], env: [] });
  });

  it('has a key of the whole tree, the commit, the version and the image of the tool', () => {
    const keys = [
      environmentKey(planOf(CONDA)),
      environmentKey(planOf({ ...CONDA, 'notes.txt': '' })),
      environmentKey(planOf({ ...CONDA, 'notes.txt': '', '.dockerignore': 'notes.txt' })),
      environmentKey(planOf(CONDA, { repo: { ...facts.repo, commit: 'b'.repeat(40) } as Facts['repo'] })),
      environmentKey(planOf(CONDA, { repo2docker: { version: '2026.5.0' } })),
      environmentKey(planOf(CONDA, { repo2docker: { version: '2026.4.0', image: `sha256:${'1'.repeat(64)}` } })),
      environmentKey(planOf(CONDA, { platform: 'linux/arm64' })),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(environmentKey(planOf(CONDA))).toBe(keys[0]);
    expect(planOf(CONDA).labels).toContainEqual(['hpcbinder.builder', 'repo2docker 2026.4.0']);
    expect(planOf(CONDA).widened).toMatchObject({ by: '--builder repo2docker' });
  });

  it.each(['Dockerfile', 'environment.yml', 'apt.txt', 'postBuild', '.dockerignore', 'binder/requirements.txt'])(
    'refuses %s as a link out of the repository: the tool would read it on this machine',
    (path) => {
      expect(outcome(() => specOf({ [path]: { link: '/home/alice/.netrc' } }))).toBe('E-REPO-FILE');
      expect(outcome(() => specOf({ [path]: { link: '../../../../home/alice/.netrc' } }))).toBe('E-REPO-FILE');
    },
  );

  it('lets data be a link to anywhere, and a file of configuration one inside', () => {
    const contents = { 'conda.yml': '', 'environment.yml': { link: 'conda.yml' }, data: { link: '/data/shared' } };
    expect(specOf(contents)).toMatchObject({ builder: 'repo2docker' });
  });
});
