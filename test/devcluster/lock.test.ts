import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { withLock } from '../../devcluster/lock.ts';

async function inFolder(work: (lock: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'hb-lock-'));
  try {
    await work(join(folder, 'sub', 'devcluster.lock'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the lock of `up` and `down`', () => {
  it('lets one work at a time, and the second says for whom it waits', () =>
    inFolder(async (lock) => {
      const told: string[] = [];
      const events: string[] = [];
      const work = (name: string) =>
        withLock(lock, { tell: (line) => told.push(line) }, async () => {
          events.push(`${name} begins`);
          await sleep(50);
          events.push(`${name} ends`);
        });
      await Promise.all([work('a'), work('b')]);
      expect(events.map((event) => event.split(' ')[1])).toEqual(['begins', 'ends', 'begins', 'ends']);
      expect(told).toEqual([expect.stringContaining(`process ${process.pid}`)]);
      expect(existsSync(lock)).toBe(false);
    }));

  it('takes over the lock of a process that is dead', () =>
    inFolder(async (lock) => {
      await withLock(lock, { tell: () => undefined }, async () => undefined);
      const dead = spawnSync('true').pid;
      await writeFile(lock, `${dead}\n`);
      await expect(withLock(lock, { tell: () => undefined }, async () => 'done')).resolves.toBe('done');
    }));

  it('gives up when the owner never ends, and names it', () =>
    inFolder(async (lock) => {
      const tell = () => undefined;
      await withLock(lock, { tell }, async () => {
        await expect(withLock(lock, { tell, withinMs: 10 }, async () => undefined)).rejects.toMatchObject({
          code: 'E-LOCKED',
          transient: true,
          message: expect.stringContaining(`process ${process.pid}`),
        });
      });
    }));

  it('is free again after a failure', () =>
    inFolder(async (lock) => {
      const tell = () => undefined;
      await expect(withLock(lock, { tell }, () => Promise.reject(new RangeError('x')))).rejects.toThrow('x');
      expect(existsSync(lock)).toBe(false);
    }));
});
