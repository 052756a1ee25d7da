/** The two sides of `cp`, as typed and as paths: pure. */
import { HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';

/** `session` undefined: on this machine */
export type Place = { session: string | undefined; path: string };

const REMOTE = /^([A-Za-z0-9-]+):(.*)$/s;

/** `k3f:results.csv` is in a session; what begins with a path sign is here, whatever follows. `k3f:` is the repository itself. */
export function placeOf(text: string): Place {
  const match = REMOTE.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return { session: undefined, path: text };
  return { session: match[1], path: insidePath(match[2]) };
}

function insidePath(path: string): string {
  const why = path.startsWith('/')
    ? 'is absolute'
    : path.startsWith('~')
      ? 'begins with ~'
      : path.split('/').includes('..')
        ? 'leads out of the repository'
        : path.includes('\0')
          ? 'has a NUL byte'
          : undefined;
  if (why === undefined) return path;
  throw new HpcbinderError('E-USAGE', {
    message: `the path "${harmless(path)}" ${why}`,
    hint: 'In a session cp sees the repository: ID:PATH is relative to it. hpcbinder shell ID sees the rest.',
  });
}

/** Where a member of someone else's archive may go, relative to the folder it is unpacked in. Undefined: nowhere. */
export function memberPath(name: string): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (name.startsWith('/') || parts.length === 0 || parts.includes('..') || name.includes('\0')) return undefined;
  return parts.join('/');
}

/**
 * Does a link at `member` that says `target` stay in the folder? `..` only in front: after a name it would be relative to
 * where another link leads.
 */
export function staysInside(member: string, target: string): boolean {
  if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const ups = parts.filter((part) => part === '..').length;
  return parts.slice(0, ups).every((part) => part === '..') && ups < member.split('/').length;
}

/** The paths of which no other one is a folder on the way: a link must not be made through a link, in any case of letters. */
export function throughNone<T extends { path: string }>(links: readonly T[]): { kept: T[]; through: T[] } {
  const same = (path: string) => path.normalize('NFC').toLowerCase();
  const all = new Set(links.map(({ path }) => same(path)));
  const passes = ({ path }: T) => {
    const parts = same(path).split('/');
    return parts.some((_, n) => n > 0 && all.has(parts.slice(0, n).join('/')));
  };
  return { kept: links.filter((link) => !passes(link)), through: links.filter(passes) };
}
