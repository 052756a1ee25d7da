/** Who could have written an image: pure, over what `stat` says (SECURITY SIF-02). */

export type Owned = { uid: string; mode: string };

/** Group or others; a sticky directory keeps strangers from replacing what is not theirs. */
export function othersWrite(mode: string): boolean {
  const bits = Number.parseInt(mode, 8);
  return !((bits & 0o022) === 0 || (bits & 0o1000) !== 0);
}

/**
 * Why nothing in this directory can be believed; undefined: it can. A directory of ours or of root's cannot be put in
 * another's place, for nobody else can make one that is ours; of a service's, all that it hangs below must be closed too.
 * `above`: from the root down to its parent.
 */
export function shelfFault(me: string, shelf: Owned, above: readonly Owned[]): string | undefined {
  if (othersWrite(shelf.mode)) return `others may write into it (mode ${shelf.mode})`;
  if (shelf.uid === me || shelf.uid === '0') return undefined;
  const trusted = [me, '0', shelf.uid];
  const open = above.some(({ uid, mode }) => !trusted.includes(uid) || othersWrite(mode));
  return open ? `it belongs to user ${shelf.uid}, and others may write into a directory above it` : undefined;
}

/** Of a store that one account fills for all: it is that one's, or root's (SECURITY BLD-02). */
export function keeperFault(shelf: Owned, keeper: number | undefined): string | undefined {
  if (keeper === undefined || ['0', String(keeper)].includes(shelf.uid)) return undefined;
  return `it belongs to user ${shelf.uid} and not to user ${keeper}, who builds its images`;
}

/** Why this file may be another's work though its directory is closed. */
export function fileFault(me: string, shelf: Owned, file: Owned): string | undefined {
  if (![me, '0', shelf.uid].includes(file.uid)) return `it belongs to user ${file.uid}`;
  return (Number.parseInt(file.mode, 8) & 0o022) === 0 ? undefined : `others may write to it (mode ${file.mode})`;
}
