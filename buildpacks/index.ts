/** Checkout → specification → plan → key. Pure: the repository is seen only through RepoFiles, the clock not at all. */
import type { BuildPlan, EnvironmentSpec, RepoFiles } from '../core/artifacts.ts';
import { type PythonOffer, pythonOffer } from './bases.ts';
import type { Buildpack, Facts } from './buildpack.ts';
import { configDirOf } from './configdir.ts';
import { dockerfile } from './dockerfile.ts';
import { refuseLegacy } from './legacy.ts';
import { detectPython, python } from './python.ts';
import { repo2docker } from './repo2docker.ts';
import { unsupported } from './unsupported.ts';

export { baseName, DEFAULT_PYTHON, PYTHON_BASES, type PythonOffer, pythonOffer, versions } from './bases.ts';
export type { Facts } from './buildpack.ts';
export { hpcYmlOf, parseHpcYml } from './hpc.ts';
export { environmentKey } from './key.ts';
export { inWords } from './summary.ts';

/** The first that answers wins (REES section 1.2); after them Python, which is also what an empty repository gets. */
const BEFORE_PYTHON: readonly Pick<Buildpack, 'detect'>[] = [dockerfile, unsupported];

const BUILDPACKS: Readonly<Record<EnvironmentSpec['builder'], Buildpack>> = { dockerfile, python, repo2docker };

/**
 * What the repository asks for. Errors: E-BINDER-DUP, E-LEGACY, E-BUILDER-UNSUPPORTED, E-RUNTIME, E-PYTHON, E-PYPROJECT,
 * E-APT-NAME, E-REPO-FILE.
 */
export function detect(
  files: RepoFiles,
  offer: PythonOffer = pythonOffer(),
  builder: 'hpcbinder' | 'repo2docker' = 'hpcbinder',
): EnvironmentSpec {
  const dir = configDirOf(files);
  refuseLegacy(files);
  const upstream = builder === 'repo2docker' ? repo2docker.detect(files, dir, offer) : undefined;
  if (upstream !== undefined) return upstream;
  for (const buildpack of BEFORE_PYTHON) {
    const spec = buildpack.detect(files, dir, offer);
    if (spec !== undefined) return spec;
  }
  return detectPython(files, dir, offer);
}

/** Pure: the same specification, files and facts give the same plan, byte for byte. */
export function plan(spec: EnvironmentSpec, files: RepoFiles, facts: Facts): BuildPlan {
  return BUILDPACKS[spec.builder].plan(spec, files, facts);
}
