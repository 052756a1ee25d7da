import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HpcbinderError } from '../../../core/errors.ts';
import { type Targets, targetPath } from '../../../server/links/target.ts';
import { refusedTarget } from '../../../server/paths.ts';

/** As a browser sends it. */
function ofQuery(query: string): string | undefined {
  const params = new URLSearchParams(query);
  const targets: Targets = {};
  for (const key of ['urlpath', 'labpath', 'filepath'] as const) {
    const value = params.get(key);
    if (value !== null) targets[key] = value;
  }
  return targetPath(targets);
}

describe('where the browser begins (REES row 130)', () => {
  it.each([
    ['', undefined],
    ['urlpath=/lab/tree/a.ipynb', 'lab/tree/a.ipynb'],
    ['urlpath=rstudio?a=b', 'rstudio?a=b'],
    ['labpath=a b/c.ipynb', 'doc/tree/a%20b/c.ipynb'],
    ['labpath=dir/', 'doc/tree/dir'],
    ['filepath=nb/x.ipynb', 'tree/nb/x.ipynb'],
    ['labpath=l&filepath=f&urlpath=u', 'doc/tree/l'],
    ['filepath=f&urlpath=u', 'tree/f'],
    // upstream makes a fragment of it
    ['labpath=a%23b.ipynb', 'doc/tree/a%23b.ipynb'],
    ['labpath=50%25.ipynb', 'doc/tree/50%25.ipynb'],
    ['urlpath=/', undefined],
    ['urlpath=lab/tree/caf%C3%A9.ipynb', 'lab/tree/caf%C3%A9.ipynb'],
    ['urlpath=lab/tree/a%2520b.ipynb', 'lab/tree/a%20b.ipynb'],
    ['urlpath=lab/tree/x.ipynb%23Section-2', 'lab/tree/x.ipynb#Section-2'],
    // nbgitpuller
    [
      'urlpath=git-pull%3Frepo%3Dhttps%253A%252F%252Fgithub.com%252Fo%252Fr%26urlpath%3Dlab%252Ftree%252Fr%252F',
      'git-pull?repo=https%3A%2F%2Fgithub.com%2Fo%2Fr&urlpath=lab%2Ftree%2Fr%2F',
    ],
  ])('%s opens %s', (query, target) => {
    expect(ofQuery(query)).toBe(target);
  });

  // the two that upstream lets out, and the table of SECURITY WEB-07
  it.each([
    'filepath=../../x',
    'labpath=a/../../x',
    'labpath=a\\..\\x',
    'urlpath=https://evil.example/x',
    'urlpath=ftp://other',
    'urlpath=//other',
    'urlpath=///other',
    'urlpath=\\\\\\\\other',
    'urlpath=/\\other',
    'urlpath=javascript:alert(1)',
    'urlpath=data:text/html,x',
    'urlpath=/..//evil',
    'urlpath=a/../../evil',
    'urlpath=%252e%252e/x',
    'urlpath=a/.%252e/x',
    'urlpath=a%252f..%252fx',
    'urlpath=/%09/evil',
    'urlpath=/%0a/evil',
    'urlpath=lab%250d%250ax',
    'urlpath=lab%E2%80%AEx',
    'urlpath=a/..;/x',
    `urlpath=${'x'.repeat(2001)}`,
  ])('%s is refused', (query) => {
    expect(() => ofQuery(query)).toThrow(HpcbinderError);
  });

  it('is on the session’s own origin whatever is asked, and the proxy accepts it', () => {
    const piece = fc.constantFrom(
      '/',
      '\\',
      '..',
      '.',
      '%2e',
      '%2f',
      'https:',
      'evil.example',
      '@',
      '?',
      '#',
      ':',
      'a b',
      '%',
      'é',
      ';',
      '//',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(fc.constantFrom('urlpath', 'labpath', 'filepath'), text, (key, value) => {
        let target: string | undefined;
        try {
          target = targetPath({ [key]: value });
        } catch (error) {
          expect(error).toBeInstanceOf(HpcbinderError);
          return;
        }
        if (target === undefined) return;
        const url = new URL(target, 'https://hb-x.example.edu/s/one/');
        expect(url.origin).toBe('https://hb-x.example.edu');
        expect(url.pathname.startsWith('/s/one/')).toBe(true);
        expect(refusedTarget(`/${target.split('#', 1)[0]}`)).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });
});
