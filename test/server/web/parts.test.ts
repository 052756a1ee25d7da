import { describe, expect, it } from '@jest/globals';
import type { Figures } from '../../../core/endpoint.ts';
import type { Progress } from '../../../core/progress.ts';
import { snippets, understood } from '../../../server/web/parts/badge.ts';
import { fieldsOf, wantedOf } from '../../../server/web/parts/fields.ts';
import { NOTHING_TOLD, told } from '../../../server/web/parts/fold.ts';
import { imageWords, startWords } from '../../../server/web/parts/forecast.ts';
import { idleGpus, pathOf, plotted } from '../../../server/web/parts/plots.ts';
import { shownOf } from '../../../server/web/parts/shown.ts';
import { piecesOf } from '../../../server/web/parts/terminal.ts';
import { ago, clock, said, span, stateOf } from '../../../server/web/parts/words.ts';
import { session } from './canned.ts';

describe('a posted launch form', () => {
  it('is read as the link of the same repository would be', () => {
    const typed = { repo: 'https://github.com/org/repo/tree/dev/x', ref: '', time: '90m', memory: '16 GB', cpus: '4' };
    expect(
      wantedOf({ ...typed, gpus: '0', data: ['era5', ''], fresh: 'on', path: '/lab/tree/a.ipynb', _xsrf: 'x' }),
    ).toEqual({
      provider: 'gh',
      spec: 'org/repo/dev/x',
      seconds: 5400,
      memoryMb: 16384,
      cpus: 4,
      gpus: 0,
      data: ['era5'],
      fresh: true,
      path: 'lab/tree/a.ipynb',
    });
  });

  it('asks for nothing by a field that is empty', () => {
    expect(wantedOf({ repo: 'org/repo', time: ' ', cpus: '', partition: '' })).toEqual({
      provider: 'gh',
      spec: 'org/repo/HEAD',
    });
  });

  it.each([
    ['no repository', { repo: '' }],
    ['a number of cores that is none', { repo: 'org/repo', cpus: '-1' }],
    ['a time that is none', { repo: 'org/repo', time: 'soon' }],
    ['a page of another site (WEB-07)', { repo: 'org/repo', path: 'https://evil.example/' }],
    ['a repository that is a list', { repo: ['a', 'b'] }],
  ])('is refused with %s', (_, fields) => {
    expect(() => wantedOf(fields)).toThrow();
  });

  it.each([
    { provider: 'gh', spec: 'org/repo/feature/x' },
    { provider: 'gl', spec: 'group%2Fsub%2Fproject/main' },
    { provider: 'gist', spec: 'someone/0123456789abcdef' },
    { provider: 'git', spec: 'https%3A%2F%2Fgit.example.edu%2Fa%2Fb/v1.0' },
  ])('filled in from the link of $provider gives the same again', (wanted) => {
    expect(wantedOf(fieldsOf(wanted))).toEqual(wanted);
  });

  it('shows the repository in short', () => {
    expect(shownOf({ provider: 'gh', spec: 'org/repo/HEAD' })).toBe('org/repo');
    expect(shownOf({ provider: 'git', spec: 'https%3A%2F%2Fgit.example.edu%2Fa/v1' })).toBe('git.example.edu/a @ v1');
  });
});

describe('the story of a launch', () => {
  const events: Progress[] = [
    { type: 'start', phase: 'build', text: 'building' },
    { type: 'update', phase: 'build', done: 5, total: 10 },
    { type: 'log', phase: 'build', line: 'x' },
    { type: 'done', phase: 'build', text: 'built', seconds: 3 },
    { type: 'start', phase: 'queue', text: 'waiting' },
  ];

  it('keeps one line for each phase, in its place', () => {
    const story = events.reduce(told, NOTHING_TOLD);
    expect(story.phases.map(({ phase, state, text }) => [phase, state, text])).toEqual([
      ['build', 'done', 'built'],
      ['queue', 'running', 'waiting'],
    ]);
    expect(story.lines).toBe(1);
  });

  it('keeps what is known of a phase that moves', () => {
    expect(events.slice(0, 2).reduce(told, NOTHING_TOLD).phases).toEqual([
      { phase: 'build', state: 'running', text: 'building', done: 5, total: 10 },
    ]);
  });

  it('does not grow by a launch that talks without end', () => {
    const note: Progress = { type: 'note', text: 'again' };
    expect(Array.from({ length: 1000 }, () => note).reduce(told, NOTHING_TOLD).asides.length).toBe(50);
  });
});

describe('words', () => {
  const noon = new Date(2026, 10, 23, 12, 0).getTime() / 1000;

  it('name the day where it is another', () => {
    expect(clock(noon + 3600, noon)).toBe('13:00');
    expect(clock(noon + 86400, noon)).toBe('Tuesday 12:00');
    expect(clock(noon - 20 * 86400, noon)).toBe('2026-11-03 12:00');
  });

  it('count the last two minutes in seconds', () => {
    expect([span(119), span(120), span(5400), span(-3)]).toEqual(['119 s', '2 min', '1 h 30 min', '0 s']);
    expect([ago(30), ago(60), ago(7300), ago(200_000)]).toEqual([
      'just now',
      '1 minute ago',
      '2 hours ago',
      '2 days ago',
    ]);
  });

  it('make what others wrote harmless, and no longer than a page can bear', () => {
    expect(said('a\u202eb\u0000')).toBe('a\\u202eb\\x00');
    expect(said('x'.repeat(1000)).length).toBe(401);
  });

  it('say of a node that does not answer that, and nothing more', () => {
    expect(stateOf(session('hb-aaaaaaaaaa', { silentSince: new Date().toISOString() })).word).toBe('no contact');
    expect(stateOf(session('hb-aaaaaaaaaa')).word).toBe('busy');
  });
});

describe('the plots', () => {
  const at = 1_800_000_000_000;
  const minutes = (count: number, busy: (minute: number) => number): Figures[] =>
    Array.from({ length: count }, (_, minute) => ({
      at: at - (count - 1 - minute) * 60_000,
      gpus: [{ index: 0, busy: busy(minute), usedMb: 1024, totalMb: 40960 }],
    }));

  it('break where nothing was measured', () => {
    const points = [0, 60_000, 600_000].map((after) => ({ at: at - 900_000 + after, value: 1 }));
    expect(pathOf(points, at, 2).match(/M/g)?.length).toBe(2);
  });

  it('leave out what is older than an hour', () => {
    expect(pathOf([{ at: at - 3_700_000, value: 1 }], at, 2)).toBe('');
  });

  it('show each figure with what was asked for', () => {
    const plots = plotted([
      {
        at,
        cpu: { used: 3.25, asked: 8 },
        memory: { usedMb: 2048, askedMb: 8192 },
        gpus: [{ index: 1, busy: 0.5, usedMb: 1024, totalMb: 40960 }],
      },
    ]);
    expect(plots.map(({ name, words }) => `${name}: ${words}`)).toEqual([
      'CPU: 3.3 of 8 cores',
      'Memory: 2 GB of 8 GB',
      'GPU: 50 % · 1 of 40 GB',
    ]);
  });

  it('call a GPU idle only after 15 minutes in which all figures say so', () => {
    expect(idleGpus(minutes(30, () => 0))).toEqual([0]);
    expect(idleGpus(minutes(10, () => 0))).toEqual([]);
    expect(idleGpus(minutes(30, (minute) => (minute === 25 ? 0.9 : 0)))).toEqual([]);
    expect(idleGpus([])).toEqual([]);
  });
});

describe('the terminal view', () => {
  it('keeps colours as classes, and of a line that was drawn over what stayed', () => {
    expect(piecesOf('10 %\r50 %\r\u001b[1;32mdone\u001b[0m ok\r')).toEqual([
      { text: 'done', classes: 't-green t-bold' },
      { text: ' ok', classes: '' },
    ]);
  });

  it.each([
    ['a link', '\u001b]8;;javascript:alert(1)\u0007link\u001b]8;;\u0007', 'link'],
    ['a title', '\u001b]0;owned\u0007x', 'x'],
    ['a cursor that moves up', 'a\u001b[2Ab', 'ab'],
    ['a lone escape', 'a\u001b', 'a\\x1b'],
    ['the other direction of writing', 'a\u202eb', 'a\\u202eb'],
  ])('lets %s through as text alone (WEB-13)', (_, line, text) => {
    expect(
      piecesOf(line)
        .map((piece) => piece.text)
        .join(''),
    ).toBe(text);
  });

  it('cuts a line without an end', () => {
    expect(piecesOf('x'.repeat(100_000))[0]?.text.length).toBe(4000);
  });
});

describe('the badge maker', () => {
  it('writes nothing that ends a bracket, a quote or an element (WEB-14)', () => {
    const { wanted, fault } = understood({ repo: 'org/repo', ref: 'a', path: 'lab/tree/a](x)"><script>`.ipynb' });
    expect(fault).toBeUndefined();
    const link = `https://binder.example.edu/v2/${wanted?.spec}?urlpath=a](x)"><script>\``;
    const [markdown, markup, rst] = snippets('https://binder.example.edu', link).map(({ text }) => text);
    expect(markdown).toMatch(/^\[!\[[^\]]*\]\([^)]*\)\]\([^)\s]*\)$/);
    expect(markup).toMatch(/^<a href="[^"<>]*"><img src="[^"]*" alt="[^"]*"><\/a>$/);
    expect(rst?.split('\n').length).toBe(3);
  });

  it('says of what cannot be meant why', () => {
    expect(understood({ repo: 'org/repo', time: 'soon' }).fault?.message).toContain('soon');
    expect(understood({ repo: '' })).toEqual({});
  });
});

describe('the forecast in words', () => {
  const now = new Date(2026, 10, 24, 12, 0).getTime() / 1000;
  const builtAt = new Date(2026, 10, 24, 9, 30).toISOString();

  it.each([
    [{ by: 'scheduler', at: now + 20 }, 'now'],
    [{ by: 'scheduler', at: now + 590 }, 'in about 10 min (12:09)'],
    [{ by: 'scheduler', at: now + 3 * 3600 }, 'in about 3 h (15:00)'],
    [{ by: 'free nodes' }, 'nobody knows when'],
    [{ by: 'scheduler', refused: 'no such\u0000 QOS' }, 'never: no such\\x00 QOS'],
  ] as const)('%j starts %s', (start, words) => {
    expect(startWords(start, now)).toBe(words);
  });

  it.each([
    [{ state: 'none' }, 'not built yet, as far as this page knows; a batch job makes it'],
    [{ state: 'ready', builtAt, bytes: 410e6, buildSeconds: 190 }, 'ready, built 09:30 · 410 MB'],
    [
      { state: 'earlier', builtAt, bytes: 410e6, buildSeconds: 190 },
      'of another commit, built 09:30 · 410 MB: taken where the environment is the same, else a batch job makes it, lately in about 3 min',
    ],
  ] as const)('the image of %j is %s', (image, words) => {
    expect(imageWords(image, now)).toBe(words);
  });
});
