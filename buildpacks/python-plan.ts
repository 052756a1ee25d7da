/** EnvironmentSpec → BuildPlan for Python, in the order of REES sections 2 and 6.2. */
import type { BuildPlan, EnvironmentSpec, PlanStep, RepoFiles } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import { quote } from '../core/shell.ts';
import { type Facts, labelsOf } from './buildpack.ts';
import { within } from './configdir.ts';
import { ENTRYPOINT, imageEnv, ourTexts, REPO_DIR, SOURCE_DATE_EPOCH, STAGING, USER, userSteps } from './image.ts';
import { apt, checkPython, jupyter, pipPackage, pipRequirements } from './install.ts';
import { localReferenceIn, namesGit } from './requirements.ts';
import { wholeTree } from './tree.ts';

/**
 * Where nothing reads the whole repository, the image carries none of it but `start`: the key then ignores the content, and a
 * commit that changes only notebooks needs no build (DESIGN 3).
 */
export function planPython(spec: EnvironmentSpec, files: RepoFiles, facts: Facts): BuildPlan {
  const { python, start, wholeTree: widened } = spec;
  if (facts.base === undefined || python === undefined || facts.base.python !== python.version) {
    throw new HpcbinderError('E-BASE', {
      message: `the plan needs a base image with Python ${python?.version ?? ''}, and was given ${facts.base?.name ?? 'none'}`,
      hint: 'This is a defect of hpcbinder. Please report it.',
    });
  }
  const startAlone = start !== undefined && widened === undefined;
  const staged = requirementsComeFirst(spec, files) ? spec.requirements : [];
  const steps: PlanStep[] = [
    checkPython(python.version),
    ...userSteps(),
    ...ourTexts(),
    jupyter(),
    ...(spec.apt.length > 0 ? [apt(spec.apt, within(spec.configDir, 'apt.txt'))] : []),
    ...spec.requirements
      .filter((path) => namesGit(files, path))
      .map((path) => apt(['ca-certificates', 'git'], path, `git, for ${path}`)),
    ...(staged.length > 0 ? stagedRequirements(staged) : []),
    ...(widened === undefined ? [] : fromTree(spec, files, facts, staged)),
    ...(startAlone ? [{ kind: 'files', paths: [start], to: REPO_DIR } satisfies PlanStep] : []),
    ...(start === undefined ? [] : [executable(start)]),
  ];
  return {
    schema: 1,
    builder: 'python',
    platform: facts.platform,
    base: facts.base,
    ...(facts.pip === undefined ? {} : { pip: facts.pip }),
    repoDir: REPO_DIR,
    user: USER,
    env: imageEnv(start),
    steps,
    entrypoint: [ENTRYPOINT],
    contentInImage: widened !== undefined,
    ...(widened === undefined ? {} : { widened }),
    sourceDateEpoch: SOURCE_DATE_EPOCH,
    labels: labelsOf(facts),
    reads: readsOf(steps, files),
  };
}

/** A package, or a reference to the repository, defers them until all files are there (REES section 2.2). */
function requirementsComeFirst(spec: EnvironmentSpec, files: RepoFiles): boolean {
  if (spec.package) return false;
  return spec.requirements.every((path) => {
    const file = files.get(path);
    return file !== undefined && localReferenceIn(files, file) === undefined;
  });
}

function stagedRequirements(paths: readonly string[]): PlanStep[] {
  return [
    { kind: 'files', paths, to: STAGING },
    ...paths.map((path) => pipRequirements(path, STAGING)),
    { kind: 'run', name: 'clean up', as: 'root', cwd: '/', shell: `rm -rf ${STAGING}` },
  ];
}

function fromTree(spec: EnvironmentSpec, files: RepoFiles, facts: Facts, installed: readonly string[]): PlanStep[] {
  const later = spec.requirements.filter((path) => !installed.includes(path));
  const needed = [...later, spec.postBuild, spec.start].filter((path) => path !== undefined);
  const ignoreFiles = ['.dockerignore', '.containerignore'].map((name) => within(spec.configDir, name));
  return [
    wholeTree(files, facts, ignoreFiles, needed),
    ...later.map((path) => pipRequirements(path, REPO_DIR)),
    ...(spec.package ? [pipPackage(packageFile(files))] : []),
    ...(spec.postBuild === undefined ? [] : [postBuild(spec.postBuild)]),
  ];
}

function packageFile(files: RepoFiles): string {
  return files.get('pyproject.toml') === undefined ? 'setup.py' : 'pyproject.toml';
}

function postBuild(file: string): PlanStep {
  const script = quote(`./${file}`);
  return { kind: 'run', name: file, as: 'user', cwd: REPO_DIR, file, shell: `chmod +x ${script}\n${script}` };
}

function executable(file: string): PlanStep {
  return { kind: 'run', name: file, as: 'user', cwd: REPO_DIR, file, shell: `chmod +x ${quote(`./${file}`)}` };
}

/** Named files only: the tree has a hash of its own in its step. */
function readsOf(steps: readonly PlanStep[], files: RepoFiles): BuildPlan['reads'] {
  const paths = steps.flatMap((step) => (step.kind === 'files' ? step.paths : []));
  return paths.flatMap((path) => {
    const file = files.get(path);
    return file === undefined ? [] : [{ path, mode: file.mode, sha256: file.sha256 }];
  });
}
