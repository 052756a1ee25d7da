/** Session ids: what every scheduler accepts as a job's name (SECURITY INJ-11), never used twice. */
import { randomInt } from 'node:crypto';

export const SESSION_ID = /^hb-[a-z0-9]{10}$/;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

export function newSessionId(): string {
  let id = 'hb-';
  for (let i = 0; i < 10; i++) id += ALPHABET[randomInt(ALPHABET.length)];
  return id;
}

/** `k3f9` → the ids that begin so; with or without `hb-`. */
export function matchIds(text: string, ids: readonly string[]): string[] {
  const wanted = text.startsWith('hb-') ? text : `hb-${text}`;
  return ids.filter((id) => id.startsWith(wanted));
}
