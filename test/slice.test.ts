/** Which fault tests a commit runs beside the others. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { commitOf, faultFiles, sliceOf } from './faults/slice.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const names = faultFiles(root);
const commits = Array.from({ length: 300 }, (_, n) => `commit ${n}`);

describe('the slice of the fault tests', () => {
  it('is the same for a commit, another for others, and never empty', () => {
    expect(sliceOf('a', names)).toEqual(sliceOf('a', names));
    expect(new Set(commits.map((commit) => sliceOf(commit, names).files.join())).size).toBeGreaterThan(5);
    for (const commit of commits) expect(sliceOf(commit, names).files).not.toEqual([]);
  });

  it('leaves no file out for ever', () => {
    const met = new Set(commits.flatMap((commit) => sliceOf(commit, names).files));
    expect([...met].sort()).toEqual(names.map((name) => `test/faults/${name}.test.ts`).sort());
  });

  it('has a few moments of the kills, from a seed of its own', () => {
    expect(sliceOf('a', names).env).toMatchObject({ HPCBINDER_MOMENTS: '3' });
    expect(sliceOf('a', names).env.HPCBINDER_SEED).not.toBe(sliceOf('b', names).env.HPCBINDER_SEED);
  });

  it('goes by the commit that is checked out', () => {
    expect(commitOf(root)).toMatch(/^[0-9a-f]{40}$|^no commit$/);
  });
});
