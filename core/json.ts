/**
 * JSON that others wrote: what is in it is looked at before it is believed. Nothing here throws: in an event handler that would
 * end the process, and `String` and `Number` do throw, of `{"toString":0}` and of deeply nested lists.
 */

export type Fields = { readonly [key: string]: unknown };

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** undefined: it is no JSON, or no object. */
export function parseFields(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The entries of a field that is itself an object, as far as they are objects; none where it is absent. */
export function entries(of: Fields, field: string): readonly (readonly [string, Fields])[] {
  const value = Object.hasOwn(of, field) ? of[field] : undefined;
  if (!isFields(value)) return [];
  return Object.entries(value).filter((entry): entry is [string, Fields] => isFields(entry[1]));
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Whole numbers, also those that were written as a word. */
export function number(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const found = /^-?[0-9]+$/.test(String(value)) ? Number(value) : undefined;
  return Number.isSafeInteger(found) ? found : undefined;
}

/** 0 for what is no number; whole, from 0 up to `most`. */
export function countOf(value: unknown, most: number = Number.MAX_SAFE_INTEGER): number {
  return typeof value === 'number' && value > 0 ? Math.min(Math.round(value), most) : 0;
}

/** The year 5138: two such still make a Date together (a moment, and how far two clocks are apart). */
const LAST_SECONDS = 1e11;

/** Epoch seconds; 0 for all that is no moment. */
export function momentOf(value: unknown): number {
  return typeof value === 'number' && value > 0 && value < LAST_SECONDS ? value : 0;
}

/** Those of a list that are words, the first `most`. */
export function wordsIn(value: unknown, most: number): string[] {
  return Array.isArray(value) ? value.slice(0, most).filter((one): one is string => typeof one === 'string') : [];
}
