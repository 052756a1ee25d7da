/** Between columns and values. */

/** Of an ISO text; 0 where it is no time. */
export function milliseconds(text: string): number {
  const at = Date.parse(text);
  return Number.isFinite(at) ? at : 0;
}

export function iso(at: unknown): string {
  return new Date(Number(at)).toISOString();
}

/** undefined for nothing, and for what is no JSON. */
export function json(value: unknown): unknown {
  if (typeof value !== 'string') return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}
