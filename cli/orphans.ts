/**
 * Locks on clusters that a launch of this machine could not give back, for its line was dead: the next launch need not wait
 * until their holder counts as dead. Written by the holder itself at its end, so that no id in here is of a live one.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDir } from './paths.ts';

/** An older one has been silent for long, which is enough. */
const MOST = 20;

const path = () => join(stateDir(), 'orphans');

/** Ids, the oldest first. */
export function orphans(): string[] {
  try {
    return readFileSync(path(), 'utf8')
      .split('\n')
      .filter((line) => /^[0-9a-f-]{36}$/.test(line));
  } catch {
    return [];
  }
}

export function addOrphan(id: string): void {
  try {
    writeFileSync(path(), `${[...orphans(), id].slice(-MOST).join('\n')}\n`, { mode: 0o600 });
  } catch {
    // the next launch then waits for two minutes
  }
}
