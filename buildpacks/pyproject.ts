/** What pyproject.toml says: is it a package, and which Pythons will it have (REES sections 2.5, 3.2)? */
import { parse, TomlError } from 'smol-toml';
import type { RepoFile, RepoFiles } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import { lastLines } from '../core/text.ts';

export type Pyproject = { package: boolean; requiresPython?: string };

/** E-PYPROJECT with line and column where it is no TOML. */
export function readPyproject(files: RepoFiles, file: RepoFile): Pyproject {
  const toml = parsed(files.text(file.path) ?? '', file.path);
  const project = toml.project;
  const isTable = typeof project === 'object' && project !== null && !Array.isArray(project);
  const requires = isTable ? (project as Record<string, unknown>)['requires-python'] : undefined;
  if (requires !== undefined && typeof requires !== 'string') {
    throw new HpcbinderError('E-PYPROJECT', {
      message: `${file.path}: project.requires-python is no text`,
      hint: 'Write it like requires-python = ">=3.10".',
    });
  }
  return {
    package: isTable && toml['build-system'] !== undefined,
    ...(requires === undefined ? {} : { requiresPython: requires }),
  };
}

function parsed(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new HpcbinderError('E-PYPROJECT', {
      message: `${path} line ${error.line}, column ${error.column}: ${error.message.split('\n', 1)[0] ?? 'no TOML'}`,
      evidence: lastLines(error.codeblock, 4),
      hint: 'Correct the file; python3 -m tomllib reads it the same way.',
      cause: error,
    });
  }
}
