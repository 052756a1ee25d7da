/** A repository out of words, for tests: text, or a link `{ link }`, or a directory `{ directory: true }`. */
import type { RepoFile, RepoFiles } from '../../core/artifacts.ts';
import { sha256 } from '../../core/canonical.ts';

export type Content = string | Uint8Array | { link: string } | { directory: true };

export function repo(contents: Readonly<Record<string, Content>>): RepoFiles {
  const files = new Map<string, RepoFile>();
  const bytes = new Map<string, Uint8Array>();
  const directory = (path: string): void => {
    if (path === '' || files.has(path)) return;
    files.set(path, { path, kind: 'directory', mode: 0o755, size: 0, sha256: sha256('') });
    directory(path.split('/').slice(0, -1).join('/'));
  };
  for (const [path, content] of Object.entries(contents)) {
    directory(path.split('/').slice(0, -1).join('/'));
    if (typeof content === 'object' && 'directory' in content) directory(path);
    else if (typeof content === 'object' && 'link' in content) {
      const target = content.link;
      files.set(path, { path, kind: 'symlink', mode: 0o777, size: target.length, sha256: sha256(target), target });
    } else {
      const data = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      files.set(path, { path, kind: 'file', mode: 0o644, size: data.length, sha256: sha256(data) });
      bytes.set(path, data);
    }
  }
  const sorted = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    list: () => sorted,
    get: (path) => files.get(path),
    bytes: (path) => bytes.get(path),
    text: (path) => {
      const data = bytes.get(path);
      return data === undefined ? undefined : new TextDecoder('utf-8', { ignoreBOM: true }).decode(data);
    },
  };
}

/** The code of the error, or the answer. */
export function outcome<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
