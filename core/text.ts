/** Words for people: what others wrote is made harmless before it is shown, long words are cut in the middle. */

/** C0, DEL, C1 and the bidirectional controls, by which a name could rewrite the line it stands in. */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

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

/** Terminal escape sequences dropped, other controls made visible, tabs kept as spaces: one line of a build log. */
export function plainLine(line: string): string {
  const escapes = new RegExp(
    ['\u001b\\[[0-?]*[ -/]*[@-~]', '\u001b\\][^\u0007\u001b]*(?:\u0007|\u001b\\\\)?', '\u001b[@-Z\\\\-_]'].join('|'),
    'g',
  );
  return harmless(line.replace(escapes, '').replaceAll('\t', '    '));
}

/** Cut in the middle, for the end of a path tells more than its middle. */
export function cutMiddle(text: string, width: number): string {
  if (text.length <= width) return text;
  const keep = Math.max(2, width - 1);
  return `${text.slice(0, Math.ceil(keep / 2))}…${text.slice(text.length - Math.floor(keep / 2))}`;
}

export function lastLines(text: string, count: number): string[] {
  return text
    .split('\n')
    .map((line) => line.slice(line.lastIndexOf('\r', line.length - 2) + 1).trimEnd())
    .filter((line) => line !== '')
    .slice(-count)
    .map(plainLine);
}

/** The candidate that is nearest to the word (Levenshtein), where one is near enough to be meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
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
