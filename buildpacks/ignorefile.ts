/** .dockerignore and .containerignore: which files stay out of the image (REES section 2.15; moby/patternmatcher). */
import type { RepoFiles } from '../core/artifacts.ts';
import { regularFile } from './locate.ts';

/** of a name: `*`, or a test of one character */
type Token = '*' | ((character: string) => boolean);
/** of a path: `**`, or a name */
type Segment = '**' | readonly Token[];
type Rule = { keep: boolean; segments: readonly Segment[] };

export function parseIgnore(text: string): Rule[] {
  return text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ keep: line.startsWith('!'), segments: segmentsOf(line.replace(/^!\s*/, '')) }))
    .filter(({ segments }) => segments.length > 0);
}

/** Later rules win; a rule for a directory holds for all below it. */
export function isIgnored(rules: readonly Rule[], path: string): boolean {
  const parts = path.split('/');
  const chain = parts.map((_, index) => parts.slice(0, index + 1));
  const hits = (segments: readonly Segment[]) =>
    chain.some((part) =>
      matches(segments, part, '**', (segment, name) => matches(segment, [...name], '*', (test, c) => test(c))),
    );
  return rules.reduce((ignored, { keep, segments }) => (hits(segments) ? !keep : ignored), false);
}

/**
 * The paths that stay out, each with all below it; `.git` among them where a rule says so, though no listing has it.
 * `never`: files that the build needs in any case.
 */
export function excludedPaths(files: RepoFiles, ignoreFiles: readonly string[], never: readonly string[]): string[] {
  const rules = ignoreFiles.flatMap((path) => {
    const file = regularFile(files, path);
    return file === undefined ? [] : parseIgnore(files.text(file.path) ?? '');
  });
  if (rules.length === 0) return [];
  const kept = new Set<string>();
  const paths = ['.git', ...files.list().map((file) => file.path)].sort();
  for (const path of paths) {
    if (isIgnored(rules, path) && !never.includes(path)) continue;
    for (let part = path; part !== '.'; part = parentOf(part)) kept.add(part);
  }
  return paths.filter((path) => !kept.has(path) && (parentOf(path) === '.' || kept.has(parentOf(path))));
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '.' : path.slice(0, slash);
}

/** `**.log` is `**` and then `*.log`. */
function segmentsOf(pattern: string): Segment[] {
  return pattern
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .flatMap((part): Segment[] => {
      if (/^\*{2,}$/.test(part)) return ['**'];
      return part.startsWith('**') ? ['**', tokensOf(part.slice(1))] : [tokensOf(part)];
    });
}

/** `?` is any character, `[a-z]` and `[^a-z]` are classes, a backslash takes the next character as it is. */
function tokensOf(name: string): Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < name.length; i++) {
    let c = name.charAt(i);
    const end = c === '[' ? name.indexOf(']', i + 2) : -1;
    if (c === '*') tokens.push('*');
    else if (c === '?') tokens.push(() => true);
    else if (end > 0) {
      tokens.push(classOf(name.slice(i + 1, end)));
      i = end;
    } else {
      if (c === '\\' && i + 1 < name.length) c = name.charAt(++i);
      const wanted = c;
      tokens.push((character) => character === wanted);
    }
  }
  return tokens;
}

function classOf(body: string): Token {
  const negated = body.startsWith('^');
  const members = negated ? body.slice(1) : body;
  const ranges: [string, string][] = [];
  for (let i = 0; i < members.length; i++) {
    const range = members.charAt(i + 1) === '-' && i + 2 < members.length;
    ranges.push([members.charAt(i), members.charAt(range ? i + 2 : i)]);
    if (range) i += 2;
  }
  return (character) => ranges.some(([from, to]) => from <= character && character <= to) !== negated;
}

/** Wildcards by going back to the last star only: at most length × length steps, whatever a hostile pattern looks like. */
function matches<P, T>(
  pattern: readonly P[],
  text: readonly T[],
  star: P & string,
  one: (part: Exclude<P, string>, item: T) => boolean,
): boolean {
  let [p, t, lastStar, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    const [part, item] = [pattern[p], text[t] as T];
    if (part === star) {
      lastStar = p++;
      mark = t;
    } else if (part !== undefined && one(part as Exclude<P, string>, item)) {
      p++;
      t++;
    } else if (lastStar >= 0) {
      p = lastStar + 1;
      t = ++mark;
    } else return false;
  }
  return pattern.slice(p).every((part) => part === star);
}
