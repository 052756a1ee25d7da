/** Which Pythons there are, and the base image of each. The tag becomes a digest elsewhere, once (`hpcbinder base update`). */
import { HpcbinderError } from '../core/errors.ts';

export const DEFAULT_PYTHON = '3.13';

/** docker-library/python builds these on Debian trixie. */
export const PYTHON_BASES: ReadonlyMap<string, string> = new Map(
  ['3.9', '3.10', '3.11', '3.12', '3.13', '3.14'].map((version) => [
    version,
    `docker.io/library/python:${version}-slim-trixie`,
  ]),
);

/** The settings of a site: another default, other bases, or bases for more versions. */
export type PythonOffer = { defaultPython: string; bases: ReadonlyMap<string, string> };

export function pythonOffer(settings: { default?: string; bases?: ReadonlyMap<string, string> } = {}): PythonOffer {
  return {
    defaultPython: settings.default ?? DEFAULT_PYTHON,
    bases: new Map([...PYTHON_BASES, ...(settings.bases ?? [])]),
  };
}

/** The base image's name. E-PYTHON, with a list of those there are, where there is none. */
export function baseName(version: string, offer: PythonOffer = pythonOffer(), where = 'the settings'): string {
  const name = offer.bases.get(version);
  if (name !== undefined) return name;
  throw new HpcbinderError('E-PYTHON', {
    message: `${where} asks for Python ${version}, for which there is no base image; there are ${versions(offer).join(', ')}`,
    hint: `Ask for one of them, or name a base image for ${version} in the settings (python.bases).`,
  });
}

/** Oldest first. */
export function versions(offer: PythonOffer): string[] {
  const minor = (version: string) => version.split('.').map(Number);
  return [...offer.bases.keys()].sort((a, b) => {
    const [[a1 = 0, a2 = 0], [b1 = 0, b2 = 0]] = [minor(a), minor(b)];
    return a1 - b1 || a2 - b2;
  });
}
