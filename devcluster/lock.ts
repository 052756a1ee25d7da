/** One `up` or `down` at a time: the second waits, and says for whom. A dead owner's lock is taken over. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HpcbinderError } from '../core/errors.ts';
import { codeOf } from './faults.ts';
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
  // Written first and linked then: the lock is never seen without its owner.
  const mine = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(mine, `${process.pid}\n`, { mode: 0o600 });
  try {
    await link(mine, path);
    return undefined;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(mine, { force: true });
  }
  const owner = Number(await readFile(path, 'utf8').catch(() => ''));
  if (owner > 0 && isAlive(owner)) return owner;
  // Renamed before it is removed: of two that see the dead owner one only gets the file.
  const stale = `${mine}.stale`;
  await rename(path, stale).catch(() => undefined);
  await rm(stale, { force: true });
  return tryLock(path);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
