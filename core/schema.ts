/** Strict reading of YAML that people write: unknown keys, wrong types and typos end with line, column and the nearest key. */
import { isAlias, isMap, isScalar, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { type ErrorCode, HpcbinderError } from './errors.ts';
import { nearest } from './text.ts';

export type Place = { file: string; code: ErrorCode; lines: LineCounter };
/** Reads one value; `at` is its node, for the place of an error. */
export type Reader<T> = (node: Node, where: string, place: Place) => T;

export function fail(place: Place, node: Node | undefined, what: string, hint?: string): never {
  const offset = node?.range?.[0];
  const at = offset === undefined ? '' : `:${place.lines.linePos(offset).line}:${place.lines.linePos(offset).col}`;
  throw new HpcbinderError(place.code, { message: `${place.file}${at}: ${what}`, ...(hint ? { hint } : {}) });
}

/** Parses a whole file. An empty one is an empty mapping. */
export function readYaml<T>(text: string, file: string, code: ErrorCode, reader: Reader<T>): T {
  const lines = new LineCounter();
  // aliases and merge keys stay what they are in the document's nodes, which no reader takes
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false });
  const place = { file, code, lines };
  const first = document.errors[0];
  if (first) {
    const [pos] = first.linePos ?? [];
    const at = pos ? `:${pos.line}:${pos.col}` : '';
    throw new HpcbinderError(code, { message: `${file}${at}: ${first.message.split('\n')[0] ?? 'not YAML'}` });
  }
  const root = (document.contents ?? parseDocument('{}').contents) as Node;
  return reader(root, '', place);
}

export const string: Reader<string> = (node, where, place) => {
  if (isScalar(node) && typeof node.value === 'string') return node.value;
  // a partition called 1 or a version 3.13 is meant as written
  if (isScalar(node) && typeof node.value === 'number' && typeof node.source === 'string') return node.source;
  return fail(place, node, `"${where}" must be a text`);
};

export const boolean: Reader<boolean> = (node, where, place) =>
  isScalar(node) && typeof node.value === 'boolean'
    ? node.value
    : fail(place, node, `"${where}" must be true or false`);

export function integer(least: number, most: number): Reader<number> {
  return (node, where, place) => {
    if (isScalar(node) && Number.isInteger(node.value) && Number(node.value) >= least && Number(node.value) <= most)
      return Number(node.value);
    return fail(place, node, `"${where}" must be a whole number from ${least} to ${most}`);
  };
}

/** A text that a function of ours understands: its HpcbinderError becomes one with a place. */
export function parsed<T>(parse: (text: string) => T): Reader<T> {
  return (node, where, place) => {
    const text = string(node, where, place);
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof HpcbinderError)) throw error;
      return fail(place, node, `"${where}": ${error.message}`, error.hint);
    }
  };
}

export function oneOf<T extends string>(words: readonly T[]): Reader<T> {
  return (node, where, place) => {
    const text = string(node, where, place);
    const found = words.find((word) => word === text);
    return found ?? fail(place, node, `"${where}" must be one of ${words.join(', ')}, not "${text}"`);
  };
}

export function list<T>(item: Reader<T>): Reader<readonly T[]> {
  return (node, where, place) => {
    if (isScalar(node)) return [item(node, where, place)];
    const items = (node as { items?: unknown }).items;
    if (isMap(node) || !Array.isArray(items)) return fail(place, node, `"${where}" must be a list`);
    return items.map((entry, index) => item(entry as Node, `${where}[${index}]`, place));
  };
}

export function mapOf<T>(key: RegExp, what: string, value: Reader<T>): Reader<ReadonlyMap<string, T>> {
  return (node, where, place) => {
    const result = new Map<string, T>();
    for (const [name, child, keyNode] of pairs(node, where, place)) {
      if (!key.test(name)) fail(place, keyNode, `"${name}" is no ${what}`);
      result.set(name, value(child, where === '' ? name : `${where}.${name}`, place));
    }
    return result;
  };
}

type Fields = Record<string, Reader<unknown>>;
type Read<F extends Fields> = { [K in keyof F]?: F[K] extends Reader<infer T> ? T : never };

/** Only the named keys; all of them may be absent. */
export function object<F extends Fields>(fields: F): Reader<Read<F>> {
  const known = new Map(Object.entries(fields));
  return (node, where, place) => {
    const result = new Map<string, unknown>();
    for (const [name, child, keyNode] of pairs(node, where, place)) {
      const reader = known.get(name);
      if (reader === undefined) {
        const near = nearest(name, [...known.keys()]);
        fail(
          place,
          keyNode,
          `unknown key "${name}"${where ? ` in "${where}"` : ''}`,
          near ? `Did you mean "${near}"?` : `Known keys: ${[...known.keys()].join(', ')}`,
        );
      } else if (!(isScalar(child) && child.value === null)) {
        result.set(name, reader(child, where === '' ? name : `${where}.${name}`, place));
      }
    }
    return Object.fromEntries(result) as Read<F>;
  };
}

function pairs(node: Node, where: string, place: Place): [string, Node, Node][] {
  if (isScalar(node) && node.value === null) return [];
  if (isAlias(node)) {
    return fail(
      place,
      node,
      `"${where}" is an alias (*${node.source}), and those are not read`,
      'Write the value out.',
    );
  }
  if (!isMap(node))
    return fail(
      place,
      node,
      where === '' ? 'the file must be a mapping of keys to values' : `"${where}" must be a mapping`,
    );
  return (node as YAMLMap<Node, Node | null>).items.map((pair) => {
    const name = isScalar(pair.key)
      ? String((pair.key as { source?: string }).source ?? pair.key.value)
      : fail(place, pair.key as Node, 'a key must be a word');
    return [name, pair.value ?? (parseDocument('null').contents as Node), pair.key as Node];
  });
}
