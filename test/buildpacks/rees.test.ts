/** The rows of REES section 8 that concern detection and plans with pip; the numbers in brackets are the rows'. */
import { describe, expect, it } from '@jest/globals';
import { detect, type Facts, plan } from '../../buildpacks/index.ts';
import type { BaseImage, BuildPlan, EnvironmentSpec, RepoFiles } from '../../core/artifacts.ts';
import { type Content, outcome, repo } from './files.ts';

const base = (python: string): BaseImage => ({
  name: `docker.io/library/python:${python}-slim-trixie`,
  digest: `sha256:${'0'.repeat(64)}`,
  python,
});
const facts = (spec: EnvironmentSpec): Facts => ({
  platform: 'linux/amd64',
  repo: {
    kind: 'git',
    url: 'https://github.com/org/repo',
    host: 'github.com',
    path: 'org/repo',
    ref: 'main',
    commit: 'a'.repeat(40),
  },
  tool: 'hpcbinder 0',
  ...(spec.python === undefined ? {} : { base: base(spec.python.version) }),
});
const of = (contents: Readonly<Record<string, Content>>) => detect(repo(contents));
const planned = (contents: Readonly<Record<string, Content>>): BuildPlan => {
  const files: RepoFiles = repo(contents);
  const spec = detect(files);
  return plan(spec, files, facts(spec));
};
/** Names of the steps after those that every image has. */
const steps = (contents: Readonly<Record<string, Content>>) => {
  const all = planned(contents).steps.map((step) => (step.kind === 'run' ? step.name : step.kind));
  return all.slice(all.indexOf('Jupyter') + 1);
};
const python = (contents: Readonly<Record<string, Content>>) => outcome(() => of(contents).python?.version);
const script = '#!/bin/sh\nexec "$@"\n';
const project = '[project]\nname = "mwt"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n';

describe('8.1 detection, config directory, runtime', () => {
  it('[1, 2] an empty repository gets the default Python and nothing more', () => {
    expect(of({})).toMatchObject({
      builder: 'python',
      python: { version: '3.13', why: 'default' },
      apt: [],
      requirements: [],
      ignored: [],
    });
    expect(steps({})).toEqual([]);
    expect(planned({})).toMatchObject({
      user: { name: 'jovyan', uid: 1000, home: '/home/jovyan' },
      contentInImage: false,
      reads: [],
    });
  });
  it('[3] PATH has both .local/bin and the venv before the base', () => {
    expect(new Map(planned({}).env).get('PATH')).toMatch(
      /^\/home\/jovyan\/\.local\/bin:\/srv\/repo\/\.local\/bin:\/srv\/venv\/bin:\/usr/,
    );
  });
  it('[4] binder/, .binder/ or the root is the config directory', () => {
    const dirs = ['binder', '.binder'].map((name) =>
      of({ [`${name}/requirements.txt`]: 'a', 'requirements.txt': 'b' }),
    );
    expect(dirs.map((spec) => [spec.configDir, spec.requirements])).toEqual([
      ['binder', ['binder/requirements.txt']],
      ['.binder', ['.binder/requirements.txt']],
    ]);
    expect(of({ 'requirements.txt': 'b' }).configDir).toBe('');
  });
  it('[5, 6] both are an error, before any builder, even empty', () => {
    expect(outcome(() => of({ binder: { directory: true }, '.binder/Dockerfile': 'FROM x' }))).toBe('E-BINDER-DUP');
  });
  it('[7] a file called binder does not count', () => {
    expect(of({ binder: 'x', 'requirements.txt': 'numpy' }).requirements).toEqual(['requirements.txt']);
  });
  it('[8] an empty .binder/ hides environment.yml', () => {
    const spec = of({ '.binder': { directory: true }, 'environment.yml': 'x' });
    expect(spec).toMatchObject({
      builder: 'python',
      ignored: [{ file: 'environment.yml', why: expect.stringContaining('.binder/') }],
    });
  });
  it("[10] with binder/ only its files are used, and the root's ignore files are not", () => {
    const contents = {
      'binder/apt.txt': 'gfortran',
      'binder/requirements.txt': 'ipyleaflet',
      'binder/postBuild': script,
      'apt.txt': 'BAD;',
      'environment.yml': 'bad',
      postBuild: 'no shebang',
      '.dockerignore': 'binder/',
    };
    expect(steps(contents)).toEqual([
      'binder/apt.txt',
      'files',
      'binder/requirements.txt',
      'clean up',
      'tree',
      'binder/postBuild',
    ]);
    expect(planned(contents).steps).toContainEqual(expect.objectContaining({ kind: 'tree', exclude: [] }));
  });
  it('[11, 17] a Dockerfile decides alone', () => {
    const contents = { Dockerfile: 'FROM x', 'environment.yml': '', 'apt.txt': 'BAD;', postBuild: '', start: '' };
    expect(planned(contents)).toMatchObject({
      builder: 'dockerfile',
      dockerfile: {
        path: 'Dockerfile',
        buildArgs: [
          ['NB_USER', 'jovyan'],
          ['NB_UID', '1000'],
        ],
      },
      widened: { by: 'Dockerfile' },
      entrypoint: [],
    });
    expect(of(contents).ignored.map(({ file }) => file)).toEqual(['apt.txt', 'environment.yml', 'postBuild', 'start']);
  });
  it("[12] binder/Dockerfile wins over the root's, with the root as context", () => {
    expect(planned({ Dockerfile: 'RUN false', 'binder/Dockerfile': 'FROM x', a: '' }).dockerfile?.path).toBe(
      'binder/Dockerfile',
    );
  });
  it.each([
    ['FROM andrewosh/binder-base', 'E-LEGACY'],
    ['# comment\nfrom Andrewosh/Binder-Base:latest', 'E-LEGACY'],
    ['FROM python # andrewosh/binder-base', 'dockerfile'],
  ])('[15] %j is %s', (text, expected) => {
    expect(outcome(() => of({ Dockerfile: text }).builder)).toBe(expected);
  });
  it('[16] the legacy error holds even under a binder directory', () => {
    expect(outcome(() => of({ Dockerfile: 'FROM andrewosh/binder-base', 'binder/requirements.txt': '' }))).toBe(
      'E-LEGACY',
    );
  });
  it.each([
    ['python-3.12', '3.12'],
    ['  python-3.9 \n\n', '3.9'],
    ['python-3', '3.13'],
    ['python-2', 'E-PYTHON'],
    ['python-2022-01-01', '3.13'],
    ['python-3.9-2022-01-01', '3.9'],
    ['python-3.8.1', 'E-RUNTIME'],
    ['python-3.15', 'E-PYTHON'],
    ['python-2.6', 'E-PYTHON'],
    ['python-3.0', 'E-PYTHON'],
    ['python-4', 'E-PYTHON'],
    ['python-4.10', 'E-PYTHON'],
    ['python-3.x', 'E-RUNTIME'],
    ['Python-3.9', 'E-RUNTIME'],
    ['# note\npython-3.9', 'E-RUNTIME'],
    ['julia-1.6', 'E-BUILDER-UNSUPPORTED'],
    ['', 'E-RUNTIME'],
    ['python3.9', 'E-RUNTIME'],
    ['abc', 'E-RUNTIME'],
    ['abc-001', 'E-RUNTIME'],
    ['abc-001-25-06-22', 'E-RUNTIME'],
    ['r-18-1-7', 'E-RUNTIME'],
    ['r-2018-13-07', 'E-RUNTIME'],
    ['r-2018-02-29', 'E-RUNTIME'],
    ['python-', 'E-RUNTIME'],
  ])('[18, 19, 20, 22] runtime.txt %j gives %s', (text, expected) => {
    expect(python({ 'runtime.txt': text })).toBe(expected);
  });
  it('[22] a version without a base is told with those there are', () => {
    expect(() => of({ 'runtime.txt': 'python-3.8' })).toThrow(
      /runtime\.txt asks for Python 3\.8.*3\.9, 3\.10, .*3\.14/,
    );
  });
  it.each([
    ['r-4.1', {}],
    ['r-4.1', { DESCRIPTION: '' }],
    ['r-4.1', { 'environment.yml': '' }],
    ['r-2024-01-01', { 'requirements.txt': '' }],
  ])('[23] runtime.txt %s with %j is R, which there is not yet: never left out silently', (text, others) => {
    expect(python({ 'runtime.txt': text, ...others })).toBe('E-BUILDER-UNSUPPORTED');
  });
  it.each([
    'Project.toml',
    'JuliaProject.toml',
    'REQUIRE',
    'default.nix',
    'DESCRIPTION',
    'environment.yml',
    'environment.yaml',
    'Pipfile',
    'Pipfile.lock',
    'install.R',
  ])('[24, 48, 61 to 68, 72 to 89] %s ends the launch by name, whatever else is there', (file) => {
    expect(() => of({ [file]: '', 'requirements.txt': 'numpy' })).toThrow(`${file} asks for`);
  });
  it('root files of R and of packages are not seen under a binder directory', () => {
    expect(of({ binder: { directory: true }, DESCRIPTION: '', 'setup.py': '' })).toMatchObject({
      builder: 'python',
      package: false,
    });
  });
});

describe('8.2 Python with pip', () => {
  it('[25] requirements that need nothing of the repository are installed before it, and without it', () => {
    const result = planned({ 'requirements.txt': 'numpy\n', 'notebook.ipynb': '{}' });
    expect(steps({ 'requirements.txt': 'numpy\n' })).toEqual(['files', 'requirements.txt', 'clean up']);
    expect(result).toMatchObject({ contentInImage: false, reads: [{ path: 'requirements.txt' }] });
  });
  it('git is installed where a requirement needs it, for the base image has none', () => {
    expect(steps({ 'requirements.txt': 'a @ git+https://h/a\n' })).toEqual([
      'git, for requirements.txt',
      'files',
      'requirements.txt',
      'clean up',
    ]);
    expect(steps({ 'requirements.txt': 'a # git+https://h/a\n' })).toEqual(['files', 'requirements.txt', 'clean up']);
  });
  it('[30] requirements3.txt is named as not used', () => {
    expect(of({ 'requirements3.txt': 'x' }).ignored).toEqual([{ file: 'requirements3.txt', why: expect.any(String) }]);
  });
  it('[31] apt packages are one root step, sorted, each once, before pip', () => {
    const contents = { 'apt.txt': '# c\n\ngfortran\nunp # x\r\nbyacc\nunp\n', 'requirements.txt': 'numpy' };
    expect(of(contents).apt).toEqual(['byacc', 'gfortran', 'unp']);
    expect(steps(contents)).toEqual(['apt.txt', 'files', 'requirements.txt', 'clean up']);
    expect(planned(contents).steps).toContainEqual(
      expect.objectContaining({
        name: 'apt.txt',
        as: 'root',
        shell: expect.stringContaining('-- byacc gfortran unp\n'),
      }),
    );
  });
  it('[32] only comments: no step', () => expect(steps({ 'apt.txt': '# nothing\n' })).toEqual([]));
  it.each([
    ['foo=1.0', ['foo=1.0']],
    ['bar/sid', ['bar/sid']],
    ['g++', ['g++']],
    ['libc6:i386', ['libc6:i386']],
    ['foo bar', ['bar', 'foo']],
    ['Foo', 'E-APT-NAME'],
    ['_foo', 'E-APT-NAME'],
    ['--allow-unauthenticated', 'E-APT-NAME'],
    ['-y', 'E-APT-NAME'],
    ['foo; touch /x', 'E-APT-NAME'],
    ['foo-', 'E-APT-NAME'],
    ['$(id)', 'E-APT-NAME'],
    ['./x.deb', 'E-APT-NAME'],
    ['apt-get install -y x', 'E-APT-NAME'],
    ['sudo x', 'E-APT-NAME'],
  ])('[32] apt.txt line %j gives %j', (line, expected) => {
    expect(outcome(() => of({ 'apt.txt': `${line}\n` }).apt)).toEqual(expected);
  });
  it('[32] the refusal names the line', () =>
    expect(() => of({ 'apt.txt': 'ok\nNOT\n' })).toThrow('apt.txt line 2: "NOT"'));
  it('[34] start is in the image, alone, and its environment names it', () => {
    const result = planned({ start: script, 'a.ipynb': '{}' });
    expect(new Map(result.env).get('R2D_ENTRYPOINT')).toBe('/srv/repo/start');
    expect(result).toMatchObject({ contentInImage: false, entrypoint: ['/usr/local/bin/hpcbinder-entrypoint'] });
    expect(steps({ start: script })).toEqual(['files', 'start']);
  });
  it('[35] requirements, postBuild, start come in this order', () => {
    expect(steps({ 'requirements.txt': 'a', postBuild: script, start: script })).toEqual([
      'files',
      'requirements.txt',
      'clean up',
      'tree',
      'postBuild',
      'start',
    ]);
  });
  it('[36] scripts of binder/ are run from the root of the repository', () => {
    const result = planned({ 'binder/start': script, 'binder/postBuild': script, start: '', postBuild: '' });
    expect(new Map(result.env).get('R2D_ENTRYPOINT')).toBe('/srv/repo/binder/start');
    expect(result.steps).toContainEqual(
      expect.objectContaining({
        cwd: '/srv/repo',
        as: 'user',
        shell: 'chmod +x ./binder/postBuild\n./binder/postBuild',
      }),
    );
  });
  it.each([
    ['no shebang', 'echo hi\n'],
    ['Windows line ends', '#!/bin/sh\r\necho hi\r\n'],
  ])('a script with %s is refused before the build', (_, text) => {
    expect([outcome(() => of({ postBuild: text })), outcome(() => of({ start: text }))]).toEqual([
      'E-REPO-FILE',
      'E-REPO-FILE',
    ]);
  });
  it('[38] a project is installed from the whole tree, last', () => {
    const contents = {
      'pyproject.toml': `${project}`.replace('version', 'requires-python = ">=3.10"\nversion'),
      'mwt.py': '',
    };
    expect(python(contents)).toBe('3.13');
    expect(steps(contents)).toEqual(['tree', 'pyproject.toml']);
    expect(planned(contents)).toMatchObject({ contentInImage: true, widened: { by: 'pyproject.toml' } });
  });
  it.each([
    ['>=3.12', undefined, '3.13'],
    ['==3.9.*', undefined, '3.9'],
    ['<3.10', undefined, '3.9'],
    ['>=3.10.4', undefined, '3.13'],
    ['>3.13', undefined, '3.14'],
    ['>=3.14', undefined, '3.14'],
    ['~=3.11', undefined, '3.13'],
    ['~=3.11.0', undefined, '3.11'],
    ['!=3.13.*', undefined, '3.14'],
    ['>=3.9,<3.12', undefined, '3.11'],
    ['>= 3.8 , < 4.0a0', undefined, '3.13'],
    ['>=3.20', undefined, 'E-PYPROJECT'],
    ['three', undefined, 'E-PYPROJECT'],
    ['>=3.12', 'python-3', '3.13'],
    ['>=3.14', 'python-3', '3.14'],
    ['>=3.12', 'python-3.13', '3.13'],
    ['>=3.12', 'python-3.11', 'E-PYPROJECT'],
  ])('[39] requires-python %j with runtime %s gives %s', (requires, runtime, expected) => {
    const contents = {
      'pyproject.toml': `[project]\nname = "x"\nrequires-python = "${requires}"\n`,
      ...(runtime === undefined ? {} : { 'runtime.txt': runtime }),
    };
    expect(python(contents)).toBe(expected);
  });
  it('[40] a pyproject.toml that describes no package installs nothing and says so; a broken one is placed', () => {
    for (const text of ['[project]\nname="x"\n', '[tool.poetry]\nname="x"\n[build-system]\n']) {
      expect(steps({ 'pyproject.toml': text })).toEqual([]);
      expect(of({ 'pyproject.toml': text }).notes).toEqual([expect.stringContaining('not installed')]);
    }
    expect(() => of({ 'pyproject.toml': 'a = 1\nb = = 2\n' })).toThrow(/pyproject\.toml line 2, column/);
  });
  it('[41] setup.py defers the requirements, which still come first', () => {
    expect(steps({ 'setup.py': '', 'requirements.txt': 'numpy' })).toEqual(['tree', 'requirements.txt', 'setup.py']);
  });
  it('[42] setup.py under a binder directory is not installed', () => {
    expect(of({ 'setup.py': '', binder: { directory: true } }).package).toBe(false);
  });
  it('[44] a local reference defers its file to the whole tree, and is named as the cause', () => {
    expect(steps({ 'requirements.txt': 'numpy\n-e .\n' })).toEqual(['tree', 'requirements.txt']);
    expect(of({ 'requirements.txt': 'numpy\n-e .\n' }).wholeTree).toEqual({
      by: 'requirements.txt',
      why: expect.stringContaining('line 2 (-e .)'),
    });
  });
  it('[45] UTF-16 is read', () => {
    const text = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('-e .\n', 'utf16le')]);
    expect(of({ 'requirements.txt': text }).wholeTree?.by).toBe('requirements.txt');
  });
  it('[46] exactly the requirements file is copied before the rest', () => {
    expect(planned({ '.binder/requirements.txt': 'a', x: '' }).steps).toContainEqual({
      kind: 'files',
      paths: ['.binder/requirements.txt'],
      to: '/srv/build',
    });
  });
});

describe('8.6 labels', () => {
  it('[102] name repository, ref and commit; a directory is "local" and shows no path', () => {
    expect(new Map(planned({}).labels)).toEqual(
      new Map([
        ['hpcbinder.commit', 'a'.repeat(40)],
        ['hpcbinder.repo', 'https://github.com/org/repo'],
        ['hpcbinder.schema', '1'],
        ['hpcbinder.tool', 'hpcbinder 0'],
        ['repo2docker.ref', 'main'],
        ['repo2docker.repo', 'https://github.com/org/repo'],
      ]),
    );
    const spec = of({});
    const local = plan(spec, repo({}), {
      ...facts(spec),
      repo: { kind: 'local', path: '/home/alice/secret', tree: '0'.repeat(64) },
    });
    expect(JSON.stringify(local)).not.toContain('alice');
    expect(new Map(local.labels).get('repo2docker.repo')).toBe('local');
  });
});

describe('configuration files', () => {
  it('may be links inside the repository: the plan names what they lead to', () => {
    const contents = { 'binder/requirements.txt': { link: '../reqs/all.txt' }, 'reqs/all.txt': 'numpy' };
    expect(of(contents).requirements).toEqual(['reqs/all.txt']);
  });
  it.each<[string, Record<string, Content>]>([
    ['a link out of the repository', { 'requirements.txt': { link: '/proc/self/environ' } }],
    ['a link above the repository', { 'requirements.txt': { link: '../../etc/shadow' } }],
    ['a link to nothing', { 'requirements.txt': { link: 'gone.txt' } }],
    ['a link to itself', { 'requirements.txt': { link: 'requirements.txt' } }],
    ['a directory', { 'requirements.txt/x': '' }],
    ['a directory for postBuild', { 'postBuild/x': '' }],
    ['binder as a link', { binder: { link: '../..' } }],
  ])('are refused as %s (GIT-14)', (_, contents) => {
    expect(outcome(() => of(contents))).toBe('E-REPO-FILE');
  });
});
