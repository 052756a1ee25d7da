/** What was seen and is not used, said so that nobody has to guess (REES section 9, complaint 2). */
import type { EnvironmentSpec, RepoFiles } from '../core/artifacts.ts';
import { type ConfigDir, within } from './configdir.ts';
import { countRequirements } from './requirements.ts';

/** Every file by which some tool describes an environment. */
const KNOWN = [
  'Dockerfile',
  'DESCRIPTION',
  'JuliaProject.toml',
  'Pipfile',
  'Pipfile.lock',
  'Project.toml',
  'REQUIRE',
  'apt.txt',
  'conda-lock.yml',
  'default.nix',
  'environment.yaml',
  'environment.yml',
  'install.R',
  'pixi.toml',
  'poetry.lock',
  'postBuild',
  'pyproject.toml',
  'renv.lock',
  'requirements.txt',
  'requirements3.txt',
  'runtime.txt',
  'setup.cfg',
  'setup.py',
  'shell.nix',
  'start',
  'uv.lock',
] as const;

/** `used`: paths that the builder honours. */
export function ignoredFiles(
  files: RepoFiles,
  dir: ConfigDir,
  used: readonly string[],
  why: (name: string) => string,
): { file: string; why: string }[] {
  const seen = (path: string) => files.get(path) !== undefined && !used.includes(path);
  const here = KNOWN.filter((name) => seen(within(dir, name))).map((name) => ({
    file: within(dir, name),
    why: why(name),
  }));
  if (dir === '') return here;
  const hidden = KNOWN.filter((name) => seen(name)).map((file) => ({
    file,
    why: `${dir}/ hides the files of the root`,
  }));
  return [...here, ...hidden];
}

/** `Python 3.13 · requirements.txt (14 packages) · apt.txt (2 packages)`: the line of the plan phase. */
export function inWords(spec: EnvironmentSpec, files: RepoFiles): string {
  const packages = (n: number) => `(${n} ${n === 1 ? 'package' : 'packages'})`;
  return [
    spec.upstream ?? spec.dockerfile,
    spec.python === undefined ? undefined : `Python ${spec.python.version}`,
    ...spec.requirements.map((path) => `${path} ${packages(countRequirements(files, path))}`),
    spec.apt.length > 0 ? `${within(spec.configDir, 'apt.txt')} ${packages(spec.apt.length)}` : undefined,
    spec.package ? 'the repository as a package' : undefined,
    spec.postBuild,
    spec.start,
  ]
    .filter((part) => part !== undefined)
    .join(' · ');
}
