/** What the entries of clusters say beside their partitions and their builder: in words, for the admin page and a reload's list. Pure. */
import { asJson, canonical } from '../../core/canonical.ts';
import { duration, memory } from '../../core/units.ts';
import type { ServedCluster } from './schema.ts';

/** A row for each key that the entry has. */
export function entryRows(name: string, { partitions, builds, ...own }: ServedCluster): [string, string][] {
  return Object.entries(own)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [`clusters.${name}.${key}`, written(key, value)]);
}

function written(key: string, value: unknown): string {
  if (typeof value === 'number') {
    if (/^(?:time|idle|max_age)$/.test(key)) return duration(value);
    return /^(?:memory|max_size)$/.test(key) ? memory(value) : String(value);
  }
  if (typeof value === 'string' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map((one) => written('', one)).join(', ');
  if (key !== 'defaults' && key !== 'images') return canonical(asJson(value));
  const pairs = Object.entries(value as object).filter(([, one]) => one !== undefined);
  return pairs.map(([field, one]) => `${field} ${written(field, one)}`).join(', ');
}
