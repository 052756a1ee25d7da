/** A bug report as one text: its parts, cut to size, without secrets. Pure. */
import { redact } from '../core/redact.ts';
import { plainText } from '../core/text.ts';
import { size } from '../core/units.ts';

export type Part = {
  title: string;
  /** undefined: there is none, and `why` says so */
  text: string | undefined;
  why?: string;
};

export type Hiding = {
  /** values that are known to be secret */
  secrets: readonly string[];
  /** names of people and machines, with what stands in their place; empty: they are kept */
  names: ReadonlyMap<string, string>;
};

/** Of each part the end is what tells. */
const MOST_PART = 200_000;
/** More is not looked at. */
const MOST_READ = 2_000_000;
const LINE = '='.repeat(78);

export function reportText(parts: readonly Part[], hiding: Hiding): string {
  return parts.map((part) => `${LINE}\n== ${cleaned(part.title, hiding)}\n${LINE}\n${body(part, hiding)}\n`).join('\n');
}

/** Hidden first and cut then: what was cut through is not known any more. */
function body({ text, why }: Part, hiding: Hiding): string {
  if (text === undefined) return `(${cleaned(why ?? 'there is none', hiding)})`;
  const clean = cleaned(endOf(text, MOST_READ), hiding).trimEnd();
  if (clean.length <= MOST_PART) return clean;
  return `(the older part is left out)\n${endOf(clean, MOST_PART)}`;
}

/** From the beginning of a line. */
function endOf(text: string, most: number): string {
  return text.length <= most ? text : text.slice(text.indexOf('\n', text.length - most) + 1);
}

function cleaned(text: string, { secrets, names }: Hiding): string {
  const written = redact(text, secrets);
  // once more without what steers terminals, by which a secret may have been cut in two
  return anonymous(redact(plainText(written), secrets), names);
}

/** Whole words only, the longest first, for a home directory holds a user's name. */
export function anonymous(text: string, names: ReadonlyMap<string, string>): string {
  const sorted = [...names].filter(([name]) => name.length > 1).sort(([a], [b]) => b.length - a.length);
  let result = text;
  for (const [name, instead] of sorted) {
    const word = new RegExp(`(?<![\\p{L}\\p{N}_])${escaped(name)}(?![\\p{L}\\p{N}_])`, 'gu');
    result = result.replace(word, () => instead);
  }
  return result;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

/** What is in it, as a list for the person. */
export function contents(parts: readonly Part[]): string[] {
  return parts.map(({ title, text, why }) =>
    text === undefined ? `${title}: ${why ?? 'none'}` : `${title}, ${size(Buffer.byteLength(text))}`,
  );
}
