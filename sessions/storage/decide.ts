/** What goes and what stays, and why: pure. Nothing that a living session uses goes, whatever the limits. */
import { duration, size } from '../../core/units.ts';
import type { Inventory, Thing } from './inventory.ts';

export type Limits = {
  /** of images, contents and ended sessions: seconds without use */
  maxAgeSeconds: number;
  /** of all images together; absent: any */
  maxBytes?: number;
  /** images go too that other users may be running from */
  shared?: boolean;
};

export type Verdict = Thing & { goes: boolean; why: string };

/** Used so shortly ago that a launch may be on its way to the queue. */
export const GRACE_SECONDS = 3600;
/** Half uploads, locks, rooms of builds: no live one is silent for so long. */
const LEFTOVER_SECONDS = 86_400;

export function decide(inventory: Inventory, limits: Limits, storePath: string): readonly Verdict[] {
  const users = usersOf(inventory, storePath);
  const first = inventory.things.map((thing) => ({ ...thing, ...judged(thing, inventory, limits, users) }));
  return bySize(first, limits, inventory.now);
}

/** name in the store → the living sessions that read it. One that is over by its own record reads nothing. */
export function usersOf({ uses, live }: Inventory, storePath: string): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>();
  for (const { session, paths, over } of uses) {
    if (over && !live.has(session)) continue;
    for (const path of paths) {
      if (!path.startsWith(`${storePath}/`)) continue;
      const name = path.slice(storePath.length + 1).replace(/^([0-9a-f]{32})\.sif$/, '$1');
      users.set(name, [...(users.get(name) ?? []), session]);
    }
  }
  return users;
}

type Judged = { goes: boolean; why: string };
const stays = (why: string): Judged => ({ goes: false, why });
const goes = (why: string): Judged => ({ goes: true, why });

function judged(
  thing: Thing,
  { live, now, store }: Inventory,
  limits: Limits,
  users: ReadonlyMap<string, readonly string[]>,
): Judged {
  const { kind, name, usedAt } = thing;
  const quiet = Math.max(0, now - usedAt);
  const since = duration(Math.max(60, quiet));
  if (!thing.own) return stays('belongs to another user');
  const reader = users.get(kind === 'aside' ? name.slice(0, 32) : name)?.[0];
  if (reader !== undefined) return stays(`session ${reader} uses it`);
  if (live.has(thing.job ?? name)) return stays(kind === 'session' ? 'its job is not over' : 'a build runs');
  switch (kind) {
    case 'image':
      if (isShared(store) && !limits.shared) return stays('others may be running from it (--shared)');
      if (quiet < GRACE_SECONDS) return stays('used within the last hour');
      return quiet > limits.maxAgeSeconds ? goes(`not used for ${since}`) : stays(`used ${since} ago`);
    case 'content':
      if (quiet < GRACE_SECONDS) return stays('used within the last hour');
      return quiet > limits.maxAgeSeconds ? goes(`not used for ${since}`) : stays(`used ${since} ago`);
    case 'session':
      if (quiet < GRACE_SECONDS) return stays('was there within the last hour');
      return quiet > limits.maxAgeSeconds ? goes(`over for ${since}`) : stays(`over for ${since}`);
    case 'aside': {
      const at = Number(/-([0-9]+)$/.exec(name)?.[1]);
      const word = name.includes('.damaged-') ? 'damaged' : 'replaced by a newer one';
      if (isShared(store) && !limits.shared && word !== 'damaged')
        return stays(`${word}; others may be running from it (--shared)`);
      return now - at > GRACE_SECONDS ? goes(word) : stays(`${word} within the last hour`);
    }
    case 'modes':
      return stays('how builds went here; small');
    default: {
      const words = {
        orphan: 'half an image',
        partial: 'half an upload',
        lock: 'a lock',
        build: 'a build',
        room: 'room of a build',
      };
      return quiet > LEFTOVER_SECONDS
        ? goes(`${words[kind]}, untouched for ${since}`)
        : stays(`${words[kind]}, touched ${since} ago`);
    }
  }
}

/** Readable by others: who of them runs from it is not ours to know. */
export function isShared(store: Inventory['store']): boolean {
  return store !== undefined && (Number.parseInt(store.mode, 8) & 0o055) !== 0;
}

/** Of what age leaves, the images used longest ago go until the rest fits. */
function bySize(verdicts: readonly Verdict[], { maxBytes }: Limits, now: number): readonly Verdict[] {
  if (maxBytes === undefined) return verdicts;
  const kept = verdicts.filter(({ kind, goes }) => !goes && ['image', 'aside', 'orphan', 'partial'].includes(kind));
  let total = kept.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const movable = kept
    .filter(({ kind, why, usedAt }) => kind === 'image' && why.startsWith('used ') && now - usedAt >= GRACE_SECONDS)
    .sort((a, b) => a.usedAt - b.usedAt);
  const gone = new Map<string, string>();
  for (const { name, bytes } of movable) {
    if (total <= maxBytes) break;
    total -= bytes ?? 0;
    gone.set(name, `used longest ago, and the images are over ${size(maxBytes)}`);
  }
  return verdicts.map((one) => {
    const why = one.kind === 'image' ? gone.get(one.name) : undefined;
    return why === undefined ? one : { ...one, goes: true, why };
  });
}
