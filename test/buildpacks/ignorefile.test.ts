import { describe, expect, it } from '@jest/globals';
import { excludedPaths, isIgnored, parseIgnore } from '../../buildpacks/ignorefile.ts';
import { repo } from './files.ts';

describe('.dockerignore', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'a/b/c', true],
    ['a', 'b/a', false],
    ['/a/', 'a', true],
    ['./a', 'a', true],
    ['*.log', 'x.log', true],
    ['*.log', 'd/x.log', false],
    ['**/*.log', 'd/e/x.log', true],
    ['**/*.log', 'x.log', true],
    ['**.log', 'd/x.log', true],
    ['d/**', 'd/x/y', true],
    ['d/**/y', 'd/y', true],
    ['d/**/y', 'd/a/b/y', true],
    ['?.txt', 'a.txt', true],
    ['?.txt', 'ab.txt', false],
    ['[a-c].txt', 'b.txt', true],
    ['[^a-c].txt', 'b.txt', false],
    ['\\*.txt', '*.txt', true],
    ['\\*.txt', 'a.txt', false],
    ['# a', '# a', false],
    ['*\n!keep', 'keep', false],
    ['*\n!keep', 'keep/all', false],
    ['!a\na', 'a', true],
    ['[z', '[z', true],
  ])('with %j: is %s left out? %s', (text, path, expected) => {
    expect(isIgnored(parseIgnore(text), path)).toBe(expected);
  });

  it('takes no time for patterns made to take it', () => {
    const before = performance.now();
    expect(
      isIgnored(parseIgnore(`${'*a'.repeat(60)}b\n${'**/a/'.repeat(60)}b`), `${'a/'.repeat(120)}${'a'.repeat(250)}`),
    ).toBe(false);
    expect(performance.now() - before).toBeLessThan(1000);
  });

  it('names the topmost paths that stay out, .git where a rule says so, and never what the build needs', () => {
    const files = repo({
      '.dockerignore': 'data\n.git\n*.txt\n',
      'data/a/b': '',
      'data/c': '',
      'requirements.txt': '',
      'x.txt': '',
    });
    expect(excludedPaths(files, ['.dockerignore'], ['requirements.txt'])).toEqual(['.git', 'data', 'x.txt']);
  });

  it('keeps a directory of which something is kept', () => {
    const files = repo({ '.dockerignore': 'data\n!data/small\n', 'data/big': '', 'data/small': '' });
    expect(excludedPaths(files, ['.dockerignore'], [])).toEqual(['data/big']);
  });
});
