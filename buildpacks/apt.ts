/** apt.txt (REES section 2.7). Its words become arguments of a command that root runs: nothing passes but package names. */
import { HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';

/**
 * A name by Debian policy 5.6.1, then `:architecture`, `=version` (5.6.12) or `/suite`.
 * A trailing `-` would make apt-get remove the package, so no name ends with one.
 */
const PACKAGE = /^[a-z0-9][a-z0-9+.-]*[a-z0-9+.](?::[a-z0-9]+)?(?:=[0-9][A-Za-z0-9.+:~-]*|\/[a-z][a-z0-9-]*)?$/;

/** Sorted, each once. Several names on a line are several packages. E-APT-NAME with the line's number. */
export function parseApt(text: string, file: string): string[] {
  const packages = new Set<string>();
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    const words = (raw.split('#', 1)[0] ?? '').split(/\s+/).filter((word) => word !== '');
    if (words[0] === 'sudo' || words[0] === 'apt' || words[0] === 'apt-get') throw refused(raw.trim(), file, index + 1);
    for (const word of words) {
      if (!PACKAGE.test(word)) throw refused(word, file, index + 1);
      packages.add(word);
    }
  }
  return [...packages].sort();
}

function refused(what: string, file: string, line: number): HpcbinderError {
  return new HpcbinderError('E-APT-NAME', {
    message: `${file} line ${line}: "${harmless(what)}" is no package name`,
    hint: 'Write one Debian package name a line (optionally name=version or name/suite): no commands, no options.',
  });
}
