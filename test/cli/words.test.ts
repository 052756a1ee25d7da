import { describe, expect, it } from '@jest/globals';
import { ascii, padTo, table } from '../../cli/terminal.ts';
import { relaunchOf, shortId, whereOf, workLines } from '../../cli/words.ts';
import { hasControls, width } from '../../core/text.ts';
import type { WorkReport } from '../../sessions/records.ts';
import { session } from '../sessions/example.ts';

const report: WorkReport = {
  directory: '/w',
  created: false,
  updated: [],
  kept: [],
  conflicts: [],
  deleted: [],
  notes: [],
};

describe('a session in words', () => {
  it('has four letters of its id, and a place that can be copied', () => {
    expect(shortId(session.id)).toBe('k3f9');
    expect(whereOf('login.hpc.edu', '/home/a/x')).toBe('login.hpc.edu:/home/a/x');
    expect(whereOf('this machine', '/home/a/x')).toBe('/home/a/x');
  });

  it.each([
    [
      'a repository',
      { repo: { shown: 'o/r', url: 'https://github.com/o/r' } },
      'hpcbinder launch https://github.com/o/r',
    ],
    ['a ref', { repo: { shown: 'o/r', url: 'https://x/o/r', ref: 'v1' } }, 'hpcbinder launch https://x/o/r --ref v1'],
    ['a directory with spaces', { repo: { shown: './a', url: '/home/my work' } }, "hpcbinder launch '/home/my work'"],
    ['an image', { repo: { shown: '/s.sif' }, sif: '/s.sif' }, 'hpcbinder launch --sif /s.sif'],
  ])('is launched again from %s', (_, more, line) => {
    expect(relaunchOf({ ...session, ...more })).toBe(line);
  });
});

describe('what became of the user’s changes', () => {
  it('is not said of a new work directory', () => {
    expect(workLines(undefined)).toEqual([]);
    expect(workLines({ ...report, created: true, notes: ['x'] })).toEqual([]);
  });

  it('names both versions of what was changed on both sides', () => {
    const lines = workLines({
      ...report,
      updated: ['a', 'b'],
      conflicts: [{ path: 'n.ipynb', theirs: 'n.ipynb.~4f1' }],
    });
    expect(lines).toEqual([
      '2 files followed the new commit',
      "you changed n.ipynb: yours is kept, the commit's is n.ipynb.~4f1",
    ]);
  });

  it('is cut where it is long, and steers no terminal', () => {
    const conflicts = Array.from({ length: 30 }, () => ({ path: 'a\u001b[2J', theirs: 'b\r' }));
    const lines = workLines({ ...report, conflicts });
    expect(lines).toHaveLength(21);
    expect(lines[20]).toContain('10 more');
    for (const line of lines) expect(hasControls(line)).toBe(false);
  });
});

describe('a table', () => {
  it('has columns as wide as what is in them, wide characters too, and nothing that steers', () => {
    const lines = table(
      ['ID', 'NAME', 'X'],
      [
        ['1', '漢字', 'a'],
        ['22', 'b\u001b[31m', 'c'],
      ],
    ).split('\n');
    const at = lines.map((line) =>
      width(line.slice(0, Math.max(line.lastIndexOf('X'), line.lastIndexOf('a'), line.lastIndexOf('c')))),
    );
    expect(new Set(at).size).toBe(1);
    expect(hasControls(lines.join(''))).toBe(false);
  });

  it('ends no line with spaces', () => {
    expect(table(['A', 'B'], [['x', '']])).toBe('A  B\nx');
    expect(padTo('漢', 4)).toBe('漢  ');
  });
});

it('where the locale has ASCII only, everything is ASCII', () => {
  expect(ascii('a · b → c … – █░ ’ é 漢')).toBe("a - b -> c ... - #. ' ? ?");
});
