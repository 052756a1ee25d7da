import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOMS, ROOT, read } from './sources.ts';

const REFERENCES = 'docs/references.md';
const THIS = 'test/references.test.ts';

function numbers(from: string, to: string): string[] {
  const [chapter, first] = from.includes('.') ? from.split('.') : ['', from];
  const last = to.split('.').at(-1);
  const prefix = chapter === '' ? '' : `${chapter}.`;
  const count = Number(last) - Number(first) + 1;
  return Array.from(
    { length: count },
    (_, i) => `${prefix}${String(Number(first) + i).padStart(first?.length ?? 1, '0')}`,
  );
}

/** `2.2, 2.5 to 2.9 and 3` → each of them. */
function enumerated(list: string): string[] {
  return [...list.matchAll(/(\d+(?:\.\d+)?)(?: to (?:[A-Z]+)?-?(\d+(?:\.\d+)?))?/g)].flatMap(([, from = '', to]) =>
    numbers(from, to ?? from),
  );
}

const FAMILIES = 'ABU|BLD|F|GIT|INJ|NET|SIF|SSH|TAR|TOK|WEB';
const MORE = (number: string) => `(?:(?:,| and|,? to) ${number})*`;
const DESIGN = new RegExp(`\\bDESIGN (sections? )?(\\d+${MORE('\\d+\\b')})`, 'g');
const ATTACKS = new RegExp(
  `(?<![A-Za-z])(${FAMILIES})-(\\d\\d\\b(?:(?:,| and) -?\\d\\d\\b| to (?:[A-Z]+)?-?\\d\\d\\b)*)`,
  'g',
);
const RULES = /\bSECURITY (R\d+)/g;
const ROWS = new RegExp(`,? (?:rows?|complaints?) \\d+${MORE('\\d+(?![.\\d])')}`, 'g');
const REES = new RegExp(`\\bREES (?:sections? )?(\\d+(?:\\.\\d+)?${MORE('\\d+(?:\\.\\d+)?')})`, 'g');

/** The ids that a text cites, as references.md spells them. */
function cited(text: string): string[] {
  const flat = text.replace(/\s*\n\s*(?:\*|#|\/\/)?\s*/g, ' ');
  return [
    ...[...flat.matchAll(DESIGN)].flatMap(([, section, list = '']) =>
      enumerated(list).map((n) => (section ? `DESIGN section ${n}` : `DESIGN ${n}`)),
    ),
    ...[...flat.matchAll(ATTACKS)].flatMap(([, family, list = '']) => enumerated(list).map((n) => `${family}-${n}`)),
    ...[...flat.matchAll(RULES)].map((match) => `SECURITY ${match[1]}`),
    ...[...flat.replace(ROWS, '').matchAll(REES)].flatMap(([, list = '']) => enumerated(list).map((n) => `REES ${n}`)),
    ...[...flat.matchAll(/\bCLUSTER\.md\b/g)].map((match) => match[0]),
    ...[...flat.matchAll(/\b(?:EXPERIENCE|MODELS|FEATURES) section \d+/g)].map((match) => match[0]),
  ];
}

function files(): string[] {
  const below = [...ROOMS, 'test', 'docs', 'examples', 'scripts'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs|py|sh|md)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1)),
  );
  const top = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  return [...below, ...top].filter(
    (path) => path !== REFERENCES && path !== THIS && !path.startsWith('test/fixtures/'),
  );
}

describe('docs/references.md', () => {
  const rows = [...read(REFERENCES).matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '');
  const places = new Map<string, string>();
  for (const path of files()) for (const id of cited(read(path))) places.set(id, path);

  it('has a row for everything that sources, tests and documents cite', () => {
    const missing = [...places].filter(([id]) => !rows.includes(id)).map(([id, path]) => `${id} (${path})`);
    expect(missing).toEqual([]);
  });

  it('has no row that nobody cites, but for the decisions', () => {
    expect(rows.filter((id) => !places.has(id) && !/^DESIGN \d+$/.test(id))).toEqual([]);
  });

  it('has all eighteen decisions, and no row twice', () => {
    expect(rows.filter((id) => /^DESIGN \d+$/.test(id))).toEqual(numbers('1', '18').map((n) => `DESIGN ${n}`));
    expect(rows.filter((id, at) => rows.indexOf(id) !== at)).toEqual([]);
  });

  it.each([
    ['(DESIGN 6, 7, 15)', ['DESIGN 6', 'DESIGN 7', 'DESIGN 15']],
    ['(DESIGN section 1)', ['DESIGN section 1']],
    ['DESIGN 1, SECURITY F-40: list', ['DESIGN 1', 'F-40']],
    ['SECURITY TAR-05 to TAR-07', ['TAR-05', 'TAR-06', 'TAR-07']],
    ['(WEB-08, 09, 11)', ['WEB-08', 'WEB-09', 'WEB-11']],
    ['TAR-01, -02 at the door, UTF-16, SHA-256', ['TAR-01', 'TAR-02']],
    ['(SECURITY R3, INJ-10)', ['INJ-10', 'SECURITY R3']],
    ['REES sections 1.2 rows 9 and 10, 2.2, 2.8 to 2.9)', ['REES 1.2', 'REES 2.2', 'REES 2.8', 'REES 2.9']],
    ['in the order of\n * REES sections 2 and 6.2.', ['REES 2', 'REES 6.2']],
  ])('is compared by what %j cites', (text, ids) => expect(cited(text)).toEqual(ids));
});
