/** Canonical JSON: one text per value, so that a hash of it names the value (RFC 8785 in spirit: sorted keys, no spaces). */
import { createHash } from 'node:crypto';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

export function canonical(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const entries = Object.entries(value as Record<string, Json | undefined>)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}

/** Of any plain value, maps as objects. */
export function asJson(value: unknown): Json {
  const plain = JSON.stringify(value, (_, item) => (item instanceof Map ? Object.fromEntries(item) : item));
  return plain === undefined ? null : JSON.parse(plain);
}

export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}
