/** The builders of repo2docker that hpcbinder has not: their files end the launch by name, they are never skipped. */
import type { RepoFiles } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Buildpack } from './buildpack.ts';
import { type ConfigDir, configFile, rootFile, within } from './configdir.ts';
import { parseRuntime } from './runtime.ts';

type Claim = { name: string; claims(files: RepoFiles, dir: ConfigDir): string | undefined };

/** In repo2docker's order of precedence (REES section 1.2, rows 3 to 8). */
const UNSUPPORTED: readonly Claim[] = [
  { name: 'Julia', claims: (files, dir) => first(files, dir, ['JuliaProject.toml', 'Project.toml', 'REQUIRE']) },
  { name: 'Nix', claims: (files, dir) => first(files, dir, ['default.nix']) },
  { name: 'R', claims: (files, dir) => runtimeR(files, dir) ?? rootFile(files, dir, 'DESCRIPTION')?.path },
  { name: 'conda', claims: (files, dir) => first(files, dir, ['environment.yml', 'environment.yaml']) },
  { name: 'Pipenv', claims: (files, dir) => first(files, dir, ['Pipfile', 'Pipfile.lock']) },
  // repo2docker would run the Python builder here and leave R out without a word
  { name: 'R', claims: (files, dir) => first(files, dir, ['install.R']) },
];

/** Answers by E-BUILDER-UNSUPPORTED, with the file and the way round it. */
export const unsupported: Pick<Buildpack, 'detect'> = { detect };

/** The first builder of repo2docker's, before its Python, that would take the repository, and the file by which. */
export function claimOf(files: RepoFiles, dir: ConfigDir): { name: string; file: string } | undefined {
  for (const { name, claims } of UNSUPPORTED) {
    const file = claims(files, dir);
    if (file !== undefined) return { name, file };
  }
  return undefined;
}

function detect(files: RepoFiles, dir: ConfigDir): undefined {
  const claim = claimOf(files, dir);
  if (claim === undefined) return;
  const { name, file } = claim;
  throw new HpcbinderError('E-BUILDER-UNSUPPORTED', {
    message: `${file} asks for ${name}, which hpcbinder's own builder cannot make yet`,
    hint: [
      'repo2docker itself can, where Docker or Podman is: launch with --builder repo2docker;',
      `or put what is needed into ${dir === '' ? 'binder' : dir}/requirements.txt (Python packages) and apt.txt (Debian packages)${
        dir === '' ? ': a binder/ directory hides the files of the root' : `, and remove ${file}`
      };`,
      `or write a ${within(dir, 'Dockerfile')}.`,
    ].join('\n'),
  });
}

function first(files: RepoFiles, dir: ConfigDir, names: readonly string[]): string | undefined {
  const name = names.find((candidate) => configFile(files, dir, candidate) !== undefined);
  return name === undefined ? undefined : within(dir, name);
}

/** A malformed runtime.txt is another builder's matter: it must not hide that environment.yml was meant. */
function runtimeR(files: RepoFiles, dir: ConfigDir): string | undefined {
  const file = configFile(files, dir, 'runtime.txt');
  if (file === undefined) return undefined;
  const text = files.text(file.path) ?? '';
  return text.trim().startsWith('r-') && parseRuntime(text, file.path).name === 'r'
    ? within(dir, 'runtime.txt')
    : undefined;
}
