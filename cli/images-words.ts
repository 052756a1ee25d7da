/** What the commands of `images` have in common: limits, and how images are named and counted. */
import type { Config } from '../core/config.ts';
import { parseDuration, parseMemory, size } from '../core/units.ts';
import type { Limits } from '../sessions/storage/decide.ts';
import type { Choice } from './connect.ts';
import type { Flags } from './flags.ts';

export const DEFAULT_AGE_SECONDS = 30 * 86_400;

/** Of an environment's key: enough to tell images apart; more of it is taken too. */
export const shortKey = (key: string) => key.slice(0, 12);

/** Flags, else the cluster's entry, else the file's own. */
export function limitsOf(flags: Flags, config: Config, entry: Choice['entry'] | undefined): Limits {
  const age = flags.maxAge === undefined ? undefined : parseDuration(String(flags.maxAge));
  const mib = flags.maxSize === undefined ? undefined : parseMemory(String(flags.maxSize));
  const most = mib ?? entry?.images?.max_size ?? config.images?.max_size;
  return {
    maxAgeSeconds: age ?? entry?.images?.max_age ?? config.images?.max_age ?? DEFAULT_AGE_SECONDS,
    ...(most === undefined ? {} : { maxBytes: most * 2 ** 20 }),
    ...(flags.shared ? { shared: true } : {}),
  };
}

export function summed(things: readonly { bytes?: number }[]): string {
  const total = things.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const least = things.some(({ bytes }) => bytes === undefined) ? 'at least ' : '';
  return `${things.length} ${things.length === 1 ? 'thing' : 'things'}, ${least}${size(total)}`;
}
