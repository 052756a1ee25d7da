/** The step that brings the whole repository into the image, with the hash by which it enters the key. */
import type { PlanStep, RepoFiles } from '../core/artifacts.ts';
import { treeHash } from '../core/tree.ts';
import type { Facts } from './buildpack.ts';
import { excludedPaths } from './ignorefile.ts';

export function wholeTree(
  files: RepoFiles,
  facts: Facts,
  ignoreFiles: readonly string[],
  never: readonly string[],
): PlanStep & { kind: 'tree' } {
  const exclude = excludedPaths(files, ignoreFiles, never);
  const out = new Set(exclude);
  const kept = files.list().filter(({ path }) => {
    const parts = path.split('/');
    return !parts.some((_, index) => out.has(parts.slice(0, index + 1).join('/')));
  });
  const commit = out.has('.git') ? undefined : facts.repo.commit;
  return { kind: 'tree', sha256: treeHash(kept), ...(commit === undefined ? {} : { commit }), exclude };
}
