import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ResolvedRepo } from '../../core/artifacts.ts';
import { workDirectoryOf } from '../../sessions/work/directory.ts';

const git = (host: string, path: string): ResolvedRepo => ({
  kind: 'git',
  url: `https://${host}/${path}`,
  host,
  path,
  commit: 'a'.repeat(40),
});
const local = (path: string): ResolvedRepo => ({ kind: 'local', path, tree: 'b'.repeat(64) });

describe('the work directory of a repository', () => {
  it('is named by host, organisation and repository', () => {
    expect(workDirectoryOf('~/hpcbinder', git('github.com', 'org/repo'), 'm')).toBe('~/hpcbinder/github.com/org/repo');
    expect(workDirectoryOf('/data/work/', git('git.example.org', 'My.Org/re-po_2'), 'm')).toBe(
      '/data/work/git.example.org/My.Org/re-po_2',
    );
  });

  it('of a local directory tells machines and paths apart', () => {
    const at = (path: string, machine = 'm') => workDirectoryOf('~/hpcbinder', local(path), machine);
    expect(at('/home/ada/analysis')).toMatch(/^~\/hpcbinder\/local\/analysis-[0-9a-f]{6}$/);
    expect(new Set([at('/a/x'), at('/b/x'), at('/a/x', 'n'), at('/')]).size).toBe(4);
    expect(at('/home/ada/Übung 1;rm')).toMatch(/^~\/hpcbinder\/local\/bung_1_rm-[0-9a-f]{6}$/);
  });

  it('of a host that has the name of a folder of ours lies elsewhere', () => {
    expect(workDirectoryOf('/w', git('local', 'o/r'), 'm')).toMatch(/^\/w\/local\+[0-9a-f]{12}\/o\/r$/);
    expect(workDirectoryOf('/w', git('given', 'r'), 'm')).toMatch(/^\/w\/given\+[0-9a-f]{12}\/_\/r$/);
  });

  it('is never shared, never within another, and safe to write anywhere, whatever the names', () => {
    const name = fc.oneof(
      fc.string({ minLength: 1, maxLength: 300 }),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
      fc.constantFrom(
        'local',
        '..',
        '.git',
        'a+b',
        'CON',
        'repo.',
        '_',
        'a b',
        'a_b',
        'é',
        'e\u0301',
        '-rf',
        '~',
        '\u202e',
      ),
    );
    const repos = fc.uniqueArray(fc.tuple(name, fc.array(name, { minLength: 1, maxLength: 4 })), {
      selector: ([host, parts]) => `${host}\0${parts.join('/')}`,
      maxLength: 12,
    });
    fc.assert(
      fc.property(repos, (all) => {
        const found = all.map(([host, parts]) => workDirectoryOf('~/hpcbinder', git(host, parts.join('/')), 'm'));
        expect(new Set(found).size).toBe(all.length);
        for (const directory of found) {
          expect(directory).toMatch(/^~\/hpcbinder(\/[A-Za-z0-9_][A-Za-z0-9._+-]{0,62}){3}$/);
          expect(found.filter((other) => other.startsWith(`${directory}/`))).toEqual([]);
        }
      }),
      { numRuns: 500 },
    );
  });
});
