/** A failed build step in the user's words: the cause at the user's file and line where the log names it. Pure. */
import type { PlanStep } from '../core/artifacts.ts';
import { type ErrorCode, HpcbinderError } from '../core/errors.ts';
import { nearest } from '../core/text.ts';

export type FailedStep = {
  step: Extract<PlanStep, { kind: 'run' }> | undefined;
  /** where the step is not of the plan: the engine's or the definition's own words */
  what: string;
  exitCode?: number;
  /** the step's output, newest last */
  lines: readonly string[];
  /** text of a file of the repository */
  textOf(path: string): string | undefined;
};

/** Names that people type from memory; a list of the index would be a download. */
const POPULAR = [
  'numpy',
  'scipy',
  'pandas',
  'matplotlib',
  'scikit-learn',
  'seaborn',
  'torch',
  'tensorflow',
  'keras',
  'jax',
  'xarray',
  'dask',
  'jupyterlab',
  'notebook',
  'ipywidgets',
  'requests',
  'sympy',
  'networkx',
  'plotly',
  'bokeh',
  'pillow',
  'opencv-python',
  'h5py',
  'netcdf4',
  'astropy',
  'statsmodels',
  'numba',
  'cython',
  'transformers',
  'datasets',
]; // prettier-ignore

export function buildFailure(failed: FailedStep): HpcbinderError {
  const name = failed.step?.name ?? failed.what;
  const ended = failed.exitCode === undefined ? 'failed' : `exit ${failed.exitCode}`;
  const evidence = [`${name}   ${ended}`, ...failed.lines.filter((line) => line.trim() !== '').slice(-10)];
  const cause = pipCause(failed) ?? aptCause(failed) ?? diskCause(failed);
  if (cause !== undefined) return new HpcbinderError(cause.code, { ...cause, evidence });
  return new HpcbinderError(codeOf(name), {
    message: `the build step "${name}" failed (${ended})`,
    hint: 'The lines above are the last of its output; the whole log has the rest.',
    evidence,
  });
}

type Cause = { code: ErrorCode; message: string; hint: string };

function pipCause({ lines, step, textOf }: FailedStep): Cause | undefined {
  const text = lines.join('\n');
  const wanted =
    /No matching distribution found for ([^\s(]+)/.exec(text)?.[1] ??
    /Could not find a version that satisfies the requirement ([^\s(]+)/.exec(text)?.[1];
  if (wanted !== undefined) {
    const package_ = packageOf(wanted);
    const guess = nearest(package_, POPULAR);
    const hint =
      guess === undefined || guess === package_ ? 'Correct the name or the version.' : `Did you mean ${guess}?`;
    const versions = /\(from versions: ([^)]*)\)/.exec(text)?.[1];
    const known = versions === undefined || versions === 'none' ? '' : ` It has ${newest(versions)}.`;
    return {
      code: 'E-BUILD-PIP',
      message: `${at(step?.file, package_, textOf)} asks for ${wanted}, which the package index does not have`,
      hint: known === '' ? hint : `Correct the version.${known}`,
    };
  }
  const conflict = /Cannot install (.+?) because these package versions have conflicting dependencies/.exec(text)?.[1];
  if (conflict !== undefined) {
    return {
      code: 'E-BUILD-PIP',
      message: `${step?.file ?? 'the requirements'} asks for packages that do not go together: ${conflict}`,
      hint: 'Loosen one of the versions.',
    };
  }
  return undefined;
}

function aptCause({ lines, step, textOf }: FailedStep): Cause | undefined {
  const missing = /E: (?:Unable to locate package (\S+)|Package '([^']+)' has no installation candidate)/.exec(
    lines.join('\n'),
  );
  const package_ = missing?.[1] ?? missing?.[2];
  if (package_ === undefined) return undefined;
  return {
    code: 'E-BUILD-APT',
    message: `${at(step?.file, package_, textOf)} asks for ${package_}, which Debian does not have under that name`,
    hint: 'Look the name up at https://packages.debian.org (the base is Debian, not Ubuntu).',
  };
}

function diskCause({ lines }: FailedStep): Cause | undefined {
  if (!lines.some((line) => line.includes('No space left on device'))) return undefined;
  return {
    code: 'E-DISK-FULL',
    message: 'the disk of the container engine is full',
    hint: 'docker system df shows what takes it; docker image prune frees unused layers.',
  };
}

/** `requirements.txt:4` where a line of the file names the package. */
function at(file: string | undefined, package_: string, textOf: FailedStep['textOf']): string {
  if (file === undefined) return 'the build';
  const lines = textOf(file)?.split(/\r?\n/) ?? [];
  const index = lines.findIndex((line) => packageOf(line.trim()) === package_);
  return index < 0 ? file : `${file}:${index + 1}`;
}

/** The normalized name in front of extras, versions and markers (PEP 503). */
function packageOf(requirement: string): string {
  return (/^[A-Za-z0-9][A-Za-z0-9._+-]*/.exec(requirement)?.[0] ?? '').toLowerCase().replace(/[-_.]+/g, '-');
}

function newest(versions: string): string {
  return versions.split(', ').slice(-3).join(', ');
}

function codeOf(name: string): ErrorCode {
  if (/\bpip\b/.test(name)) return 'E-BUILD-PIP';
  return /\bapt\b/.test(name) ? 'E-BUILD-APT' : 'E-BUILD';
}
