/**
 * Names of repositories as an admin writes them: `github.com/our-org/*`. No regular expressions: in those the dot of
 * `binder.example.edu` lets `binder-example.edu` in, and one that is badly written never ends.
 */
import { HpcbinderError } from '../../core/errors.ts';

/** `text`: as written. */
export type Pattern = { text: string; parts: readonly string[] };

/**
 * `HOST[/PART…]`. `*` stands for anything within one part. What is below a pattern belongs to it: `github.com/our-org` is all of
 * the organisation's, and `github.com/our-org-2` is not. Throws E-USAGE.
 */
export function parsePattern(text: string): Pattern {
  const parts = text
    .toLowerCase()
    .replace(/\/(?:\*\*)?$/, '')
    .split('/');
  const stars = text.split('*').length - 1;
  if (!parts.every((part) => /^[\p{L}\p{N}_.*@+~:[\]-]+$/u.test(part)) || stars > 8) {
    throw new HpcbinderError('E-USAGE', {
      message: `"${text}" is no pattern of repositories`,
      hint: 'Write host/path, with * for anything within one part: github.com/our-org/* or *.example.edu',
    });
  }
  return { text, parts: parts.map((part) => part.replace(/\*+/g, '*').replace(/\.git$/, '')) };
}

/** Whatever the case, for most hosts do not tell `Org/Repo` from `org/repo`. */
export function matches({ parts }: Pattern, repo: { host: string; path: string }): boolean {
  const found = `${repo.host}/${repo.path}`.toLowerCase().split('/');
  return parts.length <= found.length && parts.every((part, index) => matchesPart(part, found[index] ?? ''));
}

/** Pieces between the stars from left to right, the first one taken each time: no way back is ever needed. */
function matchesPart(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const piece of rest) {
    const next = text.indexOf(piece, at);
    if (next < 0 || next + piece.length > end) return false;
    at = next + piece.length;
  }
  return true;
}
