/** Finding a configuration file of the repository, links inside it followed, without ever asking a file system. */
import type { RepoFile, RepoFiles } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';

/** More than any honest chain; Linux itself gives up at 40. */
const MAX_LINKS = 20;

/**
 * The entry that `path` leads to, or undefined where nothing is there.
 * E-REPO-FILE for a link that leaves the repository, dangles inside it, or turns in a circle.
 */
export function locate(files: RepoFiles, path: string): RepoFile | undefined {
  let rest = path.split('/');
  let at: string[] = [];
  let links = 0;
  while (rest.length > 0) {
    const [part, ...after] = rest;
    rest = after;
    if (part === undefined || part === '' || part === '.') continue;
    if (part === '..') {
      if (at.length === 0) throw outside(path);
      at = at.slice(0, -1);
      continue;
    }
    const entry = files.get([...at, part].join('/'));
    if (entry === undefined) {
      if (links > 0) throw unusable(path, 'is a link to a file that is not in the repository');
      return undefined;
    }
    if (entry.kind !== 'symlink') {
      at = [...at, part];
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw unusable(path, 'is a link that leads in a circle');
    if (entry.target === undefined || entry.target.startsWith('/')) throw outside(path);
    rest = [...entry.target.split('/'), ...rest];
  }
  return files.get(at.join('/'));
}

/** The regular file at `path`, or undefined where nothing is there; E-REPO-FILE where something else is. */
export function regularFile(files: RepoFiles, path: string): RepoFile | undefined {
  const entry = locate(files, path);
  if (entry === undefined || entry.kind === 'file') return entry;
  throw unusable(path, entry.kind === 'directory' ? 'is a directory, not a file' : 'is no regular file');
}

export function isDirectory(files: RepoFiles, path: string): boolean {
  return files.get(path)?.kind === 'directory';
}

export function unusable(path: string, why: string, hint?: string): HpcbinderError {
  return new HpcbinderError('E-REPO-FILE', {
    message: `${harmless(path)} ${why}`,
    hint: hint ?? 'A configuration file must be a regular file of the repository, or a link to one.',
  });
}

function outside(path: string): HpcbinderError {
  return unusable(path, 'is a link that leads out of the repository');
}
