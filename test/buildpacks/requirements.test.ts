import { describe, expect, it } from '@jest/globals';
import { isLocalReference } from '../../buildpacks/requirements.ts';

/** REES section 2.2, row 43 of section 8. */
describe('a line of requirements.txt refers to the repository', () => {
  it.each([
    '-r x',
    '-rx',
    '-c x',
    '--requirement x',
    '--requirement=x',
    '--constraint x',
    '-e .',
    '-e ./a',
    '  -e .',
    '--editable=.',
    '--editable .',
    '.',
    './x',
    '../x',
    'file:///x',
    'pkg @ file:///x',
    'git+file://x',
    '-f ./links',
    '--find-links=./links',
    '--find-links ./links',
    'git://./x',
  ])('[43] %j: yes', (line) => expect(isLocalReference(line)).toBe(true));

  it.each(['-e=.', '/abs/x', '~/x', 'pkg @ ./x', 'pkg[extra] @ ./x'])(
    '%j: yes, where repo2docker misses it',
    (line) => {
      expect(isLocalReference(line)).toBe(true);
    },
  );

  it('x/y: where it is a directory of the repository', () => {
    expect([isLocalReference('x/y', (path) => path === 'x/y'), isLocalReference('x/y')]).toEqual([true, false]);
  });

  it.each([
    'numpy==1.0',
    '',
    '# comment',
    'foo # -e .',
    '--pre',
    '--pre pandas',
    '--unrecognized',
    '-e',
    'git+https://h/p',
    'git://h/p',
    'https://h/./y',
    '-e git+https://h#egg=y',
    '--editable=git+https://h#egg=y',
    '-i https://h',
    '--index-url=https://h',
    '--extra-index-url https://h',
    'pkg @ https://h/x.whl',
    'pkg>=1; python_version < "3.9"',
    '--require-hashes',
  ])('[43] %j: no', (line) => expect(isLocalReference(line)).toBe(false));
});
