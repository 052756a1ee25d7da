/** requirements.txt: read only for references to the repository itself; pip reads the rest (REES section 2.2). */
import type { RepoFile, RepoFiles } from '../core/artifacts.ts';
import { isDirectory } from './locate.ts';

/**
 * Does this line refer to a file beside it? Then the install needs the repository's content.
 * Beyond repo2docker's rule: `-e=.`, `/abs`, `~/x`, `pkg @ ./x`, and a path that `isHere` knows.
 */
export function isLocalReference(line: string, isHere: (path: string) => boolean = () => false): boolean {
  const text = (line.split('#', 1)[0] ?? '').trim();
  if (text === '' || text.startsWith('--pre')) return false;
  if (/^(?:-r|-c|--requirement|--constraint)/.test(text)) return true;
  let value = text;
  if (text.startsWith('-')) {
    const argument = /^--?[a-z-]+?(?:\s*=\s*|\s+)(.*)$/i.exec(text)?.[1];
    if (argument === undefined) return false;
    value = argument;
  }
  if (value.includes('file://')) return true;
  const named = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?\s*@\s*(.*)$/.exec(value);
  if (named?.[1] !== undefined) value = named[1];
  const path = value.includes('://') ? (value.split('://', 2)[1] ?? '') : value;
  if (path.startsWith('.')) return true;
  if (value.includes('://')) return false;
  return path.startsWith('/') || path.startsWith('~/') || isHere(path.replace(/\/+$/, ''));
}

/** The first line of the file that needs the repository, as `line 3 (-e .)`. */
export function localReferenceIn(files: RepoFiles, file: RepoFile): string | undefined {
  const text = decode(files.bytes(file.path) ?? new Uint8Array());
  // pip takes a word for a path where it has a slash or an archive's ending, and looks from where it runs: the root
  const isHere = (path: string) =>
    /\.(?:whl|zip|tar\.gz)$/.test(path)
      ? files.get(path) !== undefined
      : path.includes('/') && isDirectory(files, path);
  for (const [index, line] of joined(text).entries()) {
    if (isLocalReference(line, isHere)) return `line ${index + 1} (${line.trim()})`;
  }
  return undefined;
}

/** Is something fetched by git, which a slim base image has not? */
export function namesGit(files: RepoFiles, path: string): boolean {
  const lines = joined(decode(files.bytes(path) ?? new Uint8Array()));
  return lines.some((line) => /(?:^|[\s@=])git\+/.test(line.split('#', 1)[0] ?? ''));
}

/** Requirements that pip sees: for "14 packages" in a summary. */
export function countRequirements(files: RepoFiles, path: string): number {
  const lines = joined(decode(files.bytes(path) ?? new Uint8Array()));
  return lines.filter((line) => /^\s*[A-Za-z0-9./]/.test(line)).length;
}

/** Lines as pip sees them: a backslash at the end goes on with the next. */
function joined(text: string): string[] {
  return text.replace(/\\\r?\n/g, ' ').split(/\r\n|\n|\r/);
}

/** pip knows the file's encoding by its byte order mark. */
function decode(bytes: Uint8Array): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}
