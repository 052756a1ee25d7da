/** JSON that others wrote: what is in it is looked at before it is believed. */

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
  const found = /^-?[0-9]+$/.test(String(value)) ? Number(value) : undefined;
  return Number.isSafeInteger(found) ? found : undefined;
}
