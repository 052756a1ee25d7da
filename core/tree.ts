/** One text, and so one hash, per content of a tree of files. */
import type { RepoFile } from './artifacts.ts';
import { canonical, sha256 } from './canonical.ts';

/** 64 hex over path, kind, mode and content of each entry, in the order of their paths; times and owners are no content. */
export function treeHash(files: readonly RepoFile[]): string {
  const lines = files
    .map(({ path, kind, mode, sha256: content }) => canonical([path, kind, mode, content]))
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sha256(lines.join('\n'));
}
