/** Which Python a repository gets (REES section 3.2). */
import { HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';
import { baseName, type PythonOffer, versions } from './bases.ts';
import type { Pyproject } from './pyproject.ts';
import { malformed, type Runtime } from './runtime.ts';
import { parseSpecifiers, satisfies } from './specifier.ts';

export type ChosenPython = { version: string; why: string };

/**
 * runtime.txt decides; without a minor version there the default does, unless `requires-python` rejects it: then the newest
 * that it admits. E-RUNTIME, E-PYTHON, E-PYPROJECT.
 */
export function choosePython(
  runtime: (Runtime & { file: string }) | undefined,
  pyproject: (Pyproject & { file: string }) | undefined,
  offer: PythonOffer,
): ChosenPython {
  const asked = runtime === undefined ? undefined : askedVersion(runtime);
  const chosen = asked ?? offer.defaultPython;
  if (runtime !== undefined && asked !== undefined) baseName(asked, offer, runtime.file);
  const why = asked === undefined ? 'default' : (runtime?.file ?? 'default');
  const requires = pyproject?.requiresPython;
  if (pyproject === undefined || requires === undefined) return { version: chosen, why };

  const clauses = parseSpecifiers(requires);
  const said = `requires-python "${harmless(requires)}" of ${pyproject.file}`;
  if (clauses === undefined) {
    throw new HpcbinderError('E-PYPROJECT', {
      message: `${said} is no version specifier`,
      hint: 'Write it like ">=3.10" or ">=3.10,<3.14".',
    });
  }
  if (satisfies(chosen, clauses)) return { version: chosen, why };
  if (asked !== undefined) {
    throw new HpcbinderError('E-PYPROJECT', {
      message: `Python ${asked} of ${why} contradicts ${said}`,
      hint: 'Change one of the two.',
    });
  }
  const newest = versions(offer).findLast((version) => satisfies(version, clauses));
  if (newest === undefined) {
    throw new HpcbinderError('E-PYPROJECT', {
      message: `${said} admits none of the Pythons there are: ${versions(offer).join(', ')}`,
      hint: 'Widen it, or name a base image for another version in the settings (python.bases).',
    });
  }
  return { version: newest, why: said };
}

/** `x.y`, or undefined where the file leaves the minor version open. */
function askedVersion(runtime: Runtime & { file: string }): string | undefined {
  const { version, file } = runtime;
  if (version === undefined || version === '3') return undefined;
  if (/^[0-9]+\.[0-9]+\.[0-9]/.test(version)) {
    throw malformed(file, `${file} asks for Python ${harmless(version)}: only x.y can be asked for`);
  }
  if (!/^[0-9]+(?:\.[0-9]+)?$/.test(version)) {
    throw malformed(file, `${file} asks for Python "${harmless(version)}", which is no version`);
  }
  return version;
}
