import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  cutMiddle,
  harmless,
  hasControls,
  lastLines,
  nearest,
  plainLine,
  plainText,
  stayed,
  width,
  wrap,
} from '../../core/text.ts';

/** Letters, wide ones, combining ones, emoji, surrogate pairs and controls. */
const words = fc.string({
  unit: fc.constantFrom('a', 'é', '漢', 'ｱ', '🎉', '\u0301', '𝒳', '\u001b', '\r', '\n', '\u202e', ' ', '-'),
});

describe('what others wrote', () => {
  it('steers no terminal once it is harmless', () => {
    fc.assert(
      fc.property(words, (text) => {
        for (const shown of [harmless(text), plainLine(text)]) expect(hasControls(shown)).toBe(false);
        expect(hasControls(plainText(text).replaceAll('\n', ''))).toBe(false);
      }),
    );
  });

  it.each([
    ['colours are dropped', '\u001b[31mred\u001b[0m', 'red'],
    ['a title is not set', '\u001b]0;owned\u0007text', 'text'],
    ['nor by a title without an end', '\u001b]0;owned', ''],
    ['a clipboard is not written', '\u001b]52;c;aGk=\u001b\\text', 'text'],
    ['a C1 introducer is made visible', '\u009b2J', '\\x9b2J'],
    ['a direction is not turned', 'a\u202eb', 'a\\u202eb'],
    ['a line is not drawn over', 'good\rbad', 'good\\x0dbad'],
    ['a tab is four spaces', 'a\tb', 'a    b'],
  ])('%s', (_, text, shown) => {
    expect(plainLine(text)).toBe(shown);
  });

  it('shows of a line that was drawn over only what stayed', () => {
    expect(plainText('10 %\r50 %\r100 %\r\nnext')).toBe('100 %\nnext');
    expect(lastLines('10 %\r100 %\n\n\u001b[1mend\u001b[0m\r\n', 2)).toEqual(['100 %', 'end']);
    expect(lastLines('', 3)).toEqual([]);
    expect(lastLines('\r', 3)).toEqual([]);
  });
});

describe('columns', () => {
  it.each([
    ['abc', 3],
    ['é', 1],
    ['e\u0301', 1],
    ['漢字', 4],
    ['ｱ', 1],
    ['Ａ', 2],
    ['🎉', 2],
    ['…·→█', 4],
  ])('%s takes %i', (text, columns) => {
    expect(width(text)).toBe(columns);
  });

  it('are never exceeded by a cut text, and no character is torn', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 5, max: 40 }), fc.constantFrom('…', '...'), (text, columns, mark) => {
        const cut = cutMiddle(text, columns, mark);
        expect(width(cut)).toBeLessThanOrEqual(columns);
        expect(/\p{Cs}/u.test(cut)).toBe(false);
        if (width(text) <= columns) expect(cut).toBe(text);
      }),
    );
  });

  it('keep both ends of a long word', () => {
    expect(cutMiddle('/scratch/users/alice/images', 11)).toBe('/scra…mages');
  });

  it('are never exceeded by a folded text, which keeps all short words in order', () => {
    const sentence = fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1 });
    fc.assert(
      fc.property(sentence, fc.integer({ min: 10, max: 40 }), (parts, columns) => {
        const lines = wrap(parts.join(' '), columns);
        for (const line of lines) expect(width(line)).toBeLessThanOrEqual(columns);
        expect(lines.join(' ')).toBe(parts.join(' '));
      }),
    );
  });
});

describe('a line that was drawn over', () => {
  it('is what stayed of it', () => {
    expect(['10 %\r50 %\r100 %', '10 %\r50 %\r\r', '\r', '\r\rx', '', 'x\r'].map(stayed)).toEqual([
      '100 %',
      '50 %',
      '',
      'x',
      '',
      'x',
    ]);
  });

  it('takes no longer for each character, where there are very many of them', () => {
    const line = `${'\r'.repeat(1 << 20)}x${'\r'.repeat(1 << 20)}`;
    expect(stayed(line)).toBe('x');
    expect(lastLines(`${line}y`, 1)).toEqual(['y']);
    expect(plainText(line)).toBe('x');
  });
});

describe('the nearest word', () => {
  it('is looked for among so many letters only, and not where the length tells already: others choose the names', () => {
    const many = Array.from({ length: 100_000 }, (_, n) => `${'branch-of-somebody-'.repeat(13)}${n}`);
    expect(nearest('x'.repeat(250), many)).toBeUndefined();
    expect(nearest('maim', ['main', ...many])).toBe('main');
  });

  it.each([
    ['partiton', 'partition'],
    ['GPU', 'gpu'],
    ['gup', 'gpu'],
    ['xylophone', undefined],
    ['', undefined],
  ])('of %j is %s', (word, found) => {
    expect(nearest(word, ['partition', 'account', 'gpu'])).toBe(found);
  });
});
