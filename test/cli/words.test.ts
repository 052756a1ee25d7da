import { describe, expect, it } from '@jest/globals';
import { ascii, padTo, table } from '../../cli/terminal.ts';
import { relaunchOf, savedAtEnd, savedInWords, shortId, whereOf, workLines } from '../../cli/words.ts';
import type { SaveReport } from '../../core/session.ts';
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

  it('is gone on with by its id', () => {
    expect(relaunchOf(session)).toBe('hpcbinder launch --continue k3f9');
  });

  const nothing = { at: 0, pages: 0, files: 0, failed: [], silent: 0 };
  it.each<[string, Partial<SaveReport>, string]>([
    ['no page', {}, 'No page of JupyterLab is open: nothing could be saved.'],
    [
      'a laptop that sleeps',
      { silent: 1 },
      'The machine that has the session open does not answer: it may not have saved.',
    ],
    ['one page with nothing unsaved', { pages: 1 }, 'Nothing was unsaved in the open page.'],
    ['two pages', { pages: 2, files: 3 }, 'Saved: 3 files in 2 open pages.'],
    [
      'a conflict',
      { pages: 1, files: 1, failed: ['a.txt: no'] },
      'Saved: 1 file in the open page.\nNot saved: a.txt: no',
    ],
  ])('says what was saved: %s', (_, report, words) => {
    expect(savedInWords({ ...nothing, ...report })).toBe(words);
  });

  it('says at its end what was saved for that end, and not what an earlier warning saved', () => {
    const ended = { why: 'timeout' as const, at: new Date(1_000_000).toISOString() };
    expect(savedAtEnd({ app: 'lab', ended, saved: { ...nothing, at: 996 } })).toContain('No page');
    expect(savedAtEnd({ app: 'lab', ended, saved: { ...nothing, at: 900 } })).toBe('');
    expect(savedAtEnd({ app: 'lab', ended })).toBe('');
  });

  it('is no alarm where the person stopped it with no page open', () => {
    const saved = { ...nothing, at: 996 };
    const stopped = { why: 'stopped', at: new Date(1_000_000).toISOString() } as const;
    expect(savedAtEnd({ app: 'lab', ended: stopped, saved })).toBe(
      'No page of JupyterLab was open, so none was asked to save.\n',
    );
    expect(savedAtEnd({ app: 'lab', ended: stopped, saved: { ...saved, silent: 1 } })).toContain('may not have saved');
  });

  it('speaks of no page of JupyterLab where another app ran', () => {
    const saved = { ...nothing, at: 996 };
    const at = new Date(1_000_000).toISOString();
    const words = 'Shiny cannot be asked to save: what it has not saved itself is not kept.';
    expect(savedInWords(nothing, 'shiny')).toBe(words);
    expect(savedAtEnd({ app: 'shiny', ended: { why: 'timeout', at }, saved })).toBe(`${words}\n`);
    expect(savedAtEnd({ app: 'rstudio', ended: { why: 'stopped', at }, saved })).toBe('');
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
