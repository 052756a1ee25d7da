import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Command, CommandResult } from '../../core/command.ts';
import { remoteLock } from '../../jobs/lock.ts';
import { JumpingClock } from './fakes.ts';

/** The real sh, here. */
const here = {
  run: async ({ argv: [program = '', ...words] }: Command): Promise<CommandResult> => {
    const { status, stdout, stderr } = spawnSync(program, words);
    return { ended: { kind: 'exit', code: status ?? 1 }, stdout, stderr, truncated: false };
  },
};

describe('a lock on the cluster', () => {
  let folder = '';
  let path = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hb lock '));
    path = join(folder, "it's a lock");
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const silentSince = (seconds: number) =>
    utimesSync(join(path, 'owner'), Date.now() / 1000, Date.now() / 1000 - seconds);

  it('is held by one, named to the other, and free again afterwards', async () => {
    const first = await remoteLock(here, path, 'build of x');
    await expect(remoteLock(here, path, 'other')).rejects.toMatchObject({
      code: 'E-LOCKED',
      transient: true,
      message: expect.stringContaining('build of x'),
    });
    await first[Symbol.asyncDispose]();
    expect(existsSync(path)).toBe(false);
    await (await remoteLock(here, path, 'other'))[Symbol.asyncDispose]();
  });

  it('is waited for, for as long as one wants', async () => {
    const first = await remoteLock(here, path, 'first');
    const clock = new JumpingClock();
    const told: string[] = [];
    const second = remoteLock(here, path, 'second', { clock, waitMs: 60_000, onWait: (holder) => told.push(holder) });
    await clock.pass(5000);
    await first[Symbol.asyncDispose]();
    await clock.pass(5000);
    await (await second)[Symbol.asyncDispose]();
    expect(told).toEqual([expect.stringContaining('first')]);
    expect(clock.sleeping).toBe(0);
  });

  it('is taken over from a holder that has been silent for five minutes, who then learns it', async () => {
    const clock = new JumpingClock();
    const dead = await remoteLock(here, path, 'dead', { clock });
    silentSince(200);
    await expect(remoteLock(here, path, 'eager')).rejects.toMatchObject({ code: 'E-LOCKED' });
    silentSince(301);
    const heir = await remoteLock(here, path, 'heir');
    await clock.pass(31_000);
    expect(dead.lost.aborted).toBe(true);
    await dead[Symbol.asyncDispose]();
    expect(readFileSync(join(path, 'owner'), 'utf8')).toContain('heir');
    await heir[Symbol.asyncDispose]();
  });

  it('goes to one only of several who find the same dead holder', async () => {
    const dead = await remoteLock(here, path, 'dead', { clock: new JumpingClock() });
    silentSince(301);
    const all = await Promise.allSettled(['a', 'b', 'c'].map((name) => remoteLock(here, path, name)));
    const winners = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(winners).toHaveLength(1);
    for (const one of [...winners, dead]) await one[Symbol.asyncDispose]();
  });

  it('is kept alive by its holder', async () => {
    const clock = new JumpingClock();
    const lock = await remoteLock(here, path, 'alive', { clock });
    silentSince(299);
    await clock.pass(31_000);
    await expect(remoteLock(here, path, 'other')).rejects.toMatchObject({ code: 'E-LOCKED' });
    expect(lock.lost.aborted).toBe(false);
    await lock[Symbol.asyncDispose]();
    expect(clock.sleeping).toBe(0);
  });

  it('says so when its place cannot be written', async () => {
    writeFileSync(path, '');
    await expect(remoteLock(here, path, 'x')).rejects.toMatchObject({ code: 'E-REMOTE' });
  });
});
