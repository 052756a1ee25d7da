/** One `up` or `down` at a time: the second waits, and says for whom. A dead owner's lock is taken over. */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HpcbinderError } from '../core/errors.ts';
import type { Tell } from './patience.ts';

const SAY_EVERY_MS = 8000;

export async function withLock<T>(
  path: string,
  how: { tell: Tell; withinMs?: number },
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await acquire(path, how.tell, how.withinMs ?? 30 * 60_000);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string, tell: Tell, withinMs: number): Promise<void> {
  const began = Date.now();
  let said = Number.NEGATIVE_INFINITY;
  for (;;) {
    const owner = await tryLock(path);
    if (owner === undefined) return;
    if (Date.now() - began > withinMs) {
      throw new HpcbinderError('E-LOCKED', {
        message: `process ${owner} has been working on the devcluster for ${Math.round(withinMs / 60_000)} minutes`,
        hint: `See what it does; when it hangs, end it and delete ${path}`,
        transient: true,
      });
    }
    if (Date.now() - said >= SAY_EVERY_MS) {
      tell(`Another hpcbinder (process ${owner}) is working on the devcluster; waiting for it`);
      said = Date.now();
    }
    await sleep(300);
  }
}

/** @returns the living owner's pid; nothing when the lock is ours now */
async function tryLock(path: string): Promise<number | undefined> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.write(`${process.pid}\n`);
    await file.close();
    return undefined;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const owner = Number(await readFile(path, 'utf8').catch(() => ''));
  if (owner > 0 && isAlive(owner)) return owner;
  // Renamed before it is removed: of two that see the dead owner one only gets the file.
  const stale = `${path}.${process.pid}`;
  await rename(path, stale).catch(() => undefined);
  await rm(stale, { force: true });
  return tryLock(path);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
