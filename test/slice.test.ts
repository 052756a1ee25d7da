/** Which fault tests a commit runs beside the others. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { commitOf, faultFiles, sliceOf } from './faults/slice.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const paths = faultFiles(root);
const commits = Array.from({ length: 300 }, (_, n) => `commit ${n}`);

describe('the slice of the fault tests', () => {
  it('is the same for a commit, another for others, and never empty', () => {
    expect(sliceOf('a', paths)).toEqual(sliceOf('a', paths));
    expect(new Set(commits.map((commit) => sliceOf(commit, paths).files.join())).size).toBeGreaterThan(5);
    for (const commit of commits) expect(sliceOf(commit, paths).files).not.toEqual([]);
  });

  it('leaves no file out for ever', () => {
    const met = new Set(commits.flatMap((commit) => sliceOf(commit, paths).files));
    expect([...met].sort()).toEqual(paths);
    expect(paths).toEqual(
      expect.arrayContaining(['test/faults/agent.test.ts', 'test/hostile/cluster/session.test.ts']),
    );
  });

  it('has a few moments of the kills, from a seed of its own', () => {
    expect(sliceOf('a', paths).env).toMatchObject({ HPCBINDER_MOMENTS: '3' });
    expect(sliceOf('a', paths).env.HPCBINDER_SEED).not.toBe(sliceOf('b', paths).env.HPCBINDER_SEED);
  });

  it('goes by the commit that is checked out', () => {
    expect(commitOf(root)).toMatch(/^[0-9a-f]{40}$|^no commit$/);
  });
});
