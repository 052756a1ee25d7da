/** Python with pip (REES sections 1.2 rows 9 and 10, 2.2, 2.5 to 2.9): also what a repository without any file gets. */
import type { EnvironmentSpec, RepoFile, RepoFiles } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';
import { parseApt } from './apt.ts';
import type { PythonOffer } from './bases.ts';
import type { Buildpack } from './buildpack.ts';
import { type ConfigDir, configFile, rootFile } from './configdir.ts';
import { readPyproject } from './pyproject.ts';
import { planPython } from './python-plan.ts';
import { choosePython } from './python-version.ts';
import { localReferenceIn } from './requirements.ts';
import { malformed, parseRuntime, type Runtime } from './runtime.ts';
import { checkScript } from './scripts.ts';
import { ignoredFiles } from './summary.ts';

export const python: Buildpack = { name: 'python', detect: detectPython, plan: planPython };

export function detectPython(files: RepoFiles, configDir: ConfigDir, offer: PythonOffer): EnvironmentSpec {
  const own = (name: string) => configFile(files, configDir, name);
  const runtimeFile = own('runtime.txt');
  const runtime = runtimeFile === undefined ? undefined : readRuntime(files, runtimeFile);
  const pyprojectFile = rootFile(files, configDir, 'pyproject.toml');
  const pyproject = pyprojectFile === undefined ? undefined : readPyproject(files, pyprojectFile);
  const setup = rootFile(files, configDir, 'setup.py');
  const packagedBy = pyproject?.package ? pyprojectFile : setup;
  const requirements = own('requirements.txt');
  const aptFile = own('apt.txt');
  const [postBuild, start] = [own('postBuild'), own('start')];
  for (const script of [postBuild, start]) if (script !== undefined) checkScript(files, script);

  const wholeTree = whatReadsAll(files, packagedBy, requirements, postBuild);
  const used = [runtimeFile, pyprojectFile, setup, requirements, aptFile, postBuild, start].flatMap(
    (file) => file?.path ?? [],
  );
  const notInstalled = pyproject !== undefined && packagedBy === undefined;
  return {
    builder: 'python',
    configDir,
    python: choosePython(
      runtime,
      pyproject === undefined || pyprojectFile === undefined ? undefined : { ...pyproject, file: pyprojectFile.path },
      offer,
    ),
    apt: aptFile === undefined ? [] : parseApt(textOf(files, aptFile), aptFile.path),
    requirements: requirements === undefined ? [] : [requirements.path],
    package: packagedBy !== undefined,
    ...(postBuild === undefined ? {} : { postBuild: postBuild.path }),
    ...(start === undefined ? {} : { start: start.path }),
    ...(wholeTree === undefined ? {} : { wholeTree }),
    ignored: ignoredFiles(files, configDir, used, whyIgnored),
    notes: [
      ...(runtime?.date === undefined ? [] : [`the date in ${runtime.file} has no meaning for Python and is not used`]),
      ...(notInstalled
        ? ['pyproject.toml has not both [project] and [build-system]: the repository is not installed']
        : []),
    ],
  };
}

/** In the order of the steps, so that the log names the first file that forced it. */
function whatReadsAll(
  files: RepoFiles,
  packagedBy: RepoFile | undefined,
  requirements: RepoFile | undefined,
  postBuild: RepoFile | undefined,
): EnvironmentSpec['wholeTree'] {
  const reference = requirements === undefined ? undefined : localReferenceIn(files, requirements);
  if (requirements !== undefined && reference !== undefined) {
    return { by: requirements.path, why: `${harmless(reference)} refers to files of the repository` };
  }
  if (packagedBy !== undefined) return { by: packagedBy.path, why: 'the repository itself is installed as a package' };
  if (postBuild !== undefined) return { by: postBuild.path, why: 'a script can read any file' };
  return undefined;
}

function readRuntime(files: RepoFiles, file: RepoFile): Runtime & { file: string } {
  const runtime = parseRuntime(textOf(files, file), file.path);
  if (runtime.name === 'python') return { ...runtime, file: file.path };
  if (['r', 'julia'].includes(runtime.name.toLowerCase())) {
    throw new HpcbinderError('E-BUILDER-UNSUPPORTED', {
      message: `${file.path} asks for ${runtime.name === 'r' ? 'R' : harmless(runtime.name)}, which hpcbinder cannot build yet`,
      hint: 'Put what is needed into binder/requirements.txt and binder/apt.txt, or write a Dockerfile.',
    });
  }
  throw malformed(file.path, `${file.path} asks for "${harmless(runtime.name)}", which is no runtime`);
}

function textOf(files: RepoFiles, file: RepoFile): string {
  return files.text(file.path) ?? '';
}

function whyIgnored(name: string): string {
  if (name === 'requirements3.txt') return 'it was for Python 2, which there is not';
  if (name.endsWith('.lock') || name.endsWith('-lock.yml')) return 'lock files of other tools are not read';
  return 'it has no part in a build with pip';
}
