/** Words for people: what others wrote is made harmless before it is shown, long words are cut in the middle. */

/** C0, DEL, C1, line separators and the bidirectional controls, by which a name could rewrite the line it stands in. */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

export function hasControls(text: string): boolean {
  return text.search(CONTROLS) >= 0;
}

/** Shows control characters as \xNN, so that nothing of others steers the terminal. */
export function harmless(text: string): string {
  return text.replace(CONTROLS, (c) => {
    const code = c.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

const ESCAPES = new RegExp(
  ['\u001b\\[[0-?]*[ -/]*[@-~]', '\u001b\\][^\u0007\u001b]*(?:\u0007|\u001b\\\\)?', '\u001b[@-Z\\\\-_]'].join('|'),
  'g',
);

/** Terminal escape sequences dropped, other controls made visible, tabs kept as spaces: one line of a build log. */
export function plainLine(line: string): string {
  return harmless(line.replace(ESCAPES, '').replaceAll('\t', '    '));
}

/** Output of several lines for a terminal: each as `plainLine`, of a line that was drawn over only what stayed. */
export function plainText(text: string): string {
  return text.split('\n').map(stayed).map(plainLine).join('\n');
}

/** Of a line that was drawn over, a progress bar, what stayed. */
export function stayed(line: string): string {
  let end = line.length;
  // not /\r+$/, which takes the square of a run of them: a megabyte of an app's log would take a quarter of an hour
  while (end > 0 && line.charCodeAt(end - 1) === 13) end -= 1;
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
}

const NO_COLUMN = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
/** East Asian Wide and Fullwidth (UAX 11), and what is drawn as an emoji. */
const TWO_COLUMNS =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u;

/** Columns of a terminal that the text takes. */
export function width(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOf(character);
  return columns;
}

function columnsOf(character: string): number {
  if (character < '\u0300') return 1;
  return NO_COLUMN.test(character) ? 0 : TWO_COLUMNS.test(character) ? 2 : 1;
}

/** Cut in the middle to so many columns, for the end of a path tells more than its middle. */
export function cutMiddle(text: string, columns: number, mark = '…'): string {
  if (width(text) <= columns) return text;
  const keep = Math.max(2, columns - width(mark));
  const characters = [...text];
  const head = taken(characters, Math.ceil(keep / 2));
  const tail = taken(characters.reverse(), Math.floor(keep / 2)).reverse();
  return `${head.join('')}${mark}${tail.join('')}`;
}

/** As many of the first characters as fit. */
function taken(characters: readonly string[], columns: number): string[] {
  const result: string[] = [];
  let left = columns;
  for (const character of characters) {
    left -= columnsOf(character);
    if (left < 0) break;
    result.push(character);
  }
  return result;
}

/** Words in lines of at most so many columns; a word that is longer is cut in the middle. */
export function wrap(text: string, columns: number, mark = '…'): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').map((each) => cutMiddle(each, columns, mark))) {
    if (line !== '' && width(line) + 1 + width(word) > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

export function lastLines(text: string, count: number): string[] {
  return text
    .split('\n')
    .map((line) => stayed(line).trimEnd())
    .filter((line) => line !== '')
    .slice(-count)
    .map(plainLine);
}

/** Letters compared with letters, a tenth of a second: a repository has the refs that somebody gave it, as many and as long as it likes. */
const MOST_COMPARED = 5e6;

/** The candidate that is nearest to the word (Levenshtein), where one is near enough to be meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  let compared = 0;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= least) continue;
    compared += candidate.length * word.length;
    if (compared > MOST_COMPARED) break;
    const d = distance(word.toLowerCase(), candidate.toLowerCase());
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, swap));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
