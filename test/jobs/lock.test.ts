import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Command, CommandResult } from '../../core/command.ts';
import { systemClock } from '../../jobs/clock.ts';
import { type LockHolder, remoteLock } from '../../jobs/lock.ts';
import { FakeClock, fakeClockLibrary } from '../fake-clock.ts';
import { notRun } from '../not-run.ts';
import { JumpingClock } from './fakes.ts';

const library = fakeClockLibrary();
if (!library)
  notRun('F-46, a lock and a login node whose clock is wrong: there is no C compiler here for test/fake-clock.c');

/** The real sh, here. */
const shellWith = (env: Record<string, string>) => ({
  run: async ({ argv: [program = '', ...words] }: Command): Promise<CommandResult> => {
    const { status, stdout, stderr } = spawnSync(program, words, { env: { ...process.env, ...env } });
    return { ended: { kind: 'exit', code: status ?? 1 }, stdout, stderr, truncated: false };
  },
});
const here = shellWith({});

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

  it('is let go of within seconds on a line that is silent, and known as one to be overruled', async () => {
    let isSilent = false;
    const line = { run: (command: Command) => (isSilent ? new Promise<never>(() => {}) : here.run(command)) };
    const orphans: string[] = [];
    let waited = 0;
    const clock = {
      now: Date.now,
      sleep: async (ms: number, signal?: AbortSignal) => {
        if (isSilent) waited += ms;
        await systemClock.sleep(isSilent ? 1 : ms, signal);
      },
    };
    const cut = await remoteLock(line, path, 'cut', { onOrphan: (id) => void orphans.push(id), clock });
    isSilent = true;
    await cut[Symbol.asyncDispose]();
    expect(waited).toBeLessThan(10_000);
    await (await remoteLock(here, path, 'next', { orphans }))[Symbol.asyncDispose]();
  });

  it('that nobody could give back is taken at once by who knows that its holder is over, and by nobody else', async () => {
    let isUp = true;
    const line = {
      run: (command: Command) => (isUp ? here.run(command) : Promise.reject(new Error('the line is dead'))),
    };
    const orphans: string[] = [];
    const onOrphan = (id: string) => void orphans.push(id);
    await (await remoteLock(line, path, 'fine', { onOrphan }))[Symbol.asyncDispose]();
    expect(orphans).toEqual([]);
    const cut = await remoteLock(line, path, 'cut', { onOrphan });
    isUp = false;
    await cut[Symbol.asyncDispose]();
    expect(orphans).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    await expect(remoteLock(here, path, 'a stranger')).rejects.toMatchObject({ code: 'E-LOCKED' });
    const next = await remoteLock(here, path, 'next', { orphans });
    expect(next.tookOver).toBe(true);
    // of many who know it, one wins: it holds the lock under another id
    await expect(remoteLock(here, path, 'late', { orphans })).rejects.toMatchObject({
      code: 'E-LOCKED',
      message: expect.stringContaining('next'),
    });
    await next[Symbol.asyncDispose]();
    expect(existsSync(path)).toBe(false);
  });

  if (library) {
    it.each([7200, -7200])('is not overruled from a login node whose clock is %i s ahead (F-46)', async (ahead) => {
      const there = shellWith(new FakeClock(library, ahead).env);
      const date = await there.run({ argv: ['date', '+%s'] });
      expect(Math.abs(Number(String(Buffer.from(date.stdout))) - ahead - Date.now() / 1000)).toBeLessThan(5);
      await using first = await remoteLock(here, path, 'first');
      await expect(remoteLock(there, path, 'second')).rejects.toMatchObject({ code: 'E-LOCKED' });
      expect(first.lost.aborted).toBe(false);
    });
  }

  it('is waited for, for as long as one wants; who waits reads what the holder does, and the holder sees that one waits', async () => {
    const [clock, other] = [new JumpingClock(), new JumpingClock()];
    const first = await remoteLock(here, path, 'first', { clock: other });
    expect(await first.awaited()).toBe(false);
    const told: LockHolder[] = [];
    const second = remoteLock(here, path, 'second', { clock, waitMs: 60_000, onWait: (held) => told.push(held) });
    await clock.pass(3000);
    expect(await first.awaited()).toBe(true);
    first.say('step 3 of 9\n\u001b[31m');
    await other.pass(5000);
    await clock.pass(3000);
    await first[Symbol.asyncDispose]();
    await clock.pass(3000);
    const last = await second;
    expect(last.tookOver).toBe(false);
    expect(await last.awaited()).toBe(false);
    await last[Symbol.asyncDispose]();
    expect(told.map(({ doing }) => doing)).toEqual(['', expect.stringMatching(/^step 3 of 9/)]);
    expect(told[0]?.holder).toMatch(/^first \(.*process [0-9]+\)$/);
    expect(clock.sleeping + other.sleeping).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not waited for any more by one who gave up', async () => {
    const clock = new JumpingClock();
    const first = await remoteLock(here, path, 'first');
    const gone = new AbortController();
    const second = remoteLock(here, path, 'second', { clock, waitMs: 60_000, signal: gone.signal });
    second.catch(() => {});
    await clock.pass(3000);
    gone.abort();
    await expect(second).rejects.toMatchObject({ code: 'E-CANCELLED' });
    expect(await first.awaited()).toBe(false);
    await first[Symbol.asyncDispose]();
  });

  it('is taken over at once from a holder that has been silent for five minutes, who then learns it', async () => {
    const clock = new JumpingClock();
    const dead = await remoteLock(here, path, 'dead', { clock });
    silentSince(200);
    await expect(remoteLock(here, path, 'eager')).rejects.toMatchObject({ code: 'E-LOCKED' });
    silentSince(301);
    const heir = await remoteLock(here, path, 'heir');
    expect(heir.tookOver).toBe(true);
    await clock.pass(31_000);
    expect(dead.lost.aborted).toBe(true);
    await dead[Symbol.asyncDispose]();
    expect(readFileSync(join(path, 'owner'), 'utf8')).toContain('heir');
    await heir[Symbol.asyncDispose]();
  });

  it('is taken over after 90 silent seconds by one who has waited for another beat in vain', async () => {
    const clock = new JumpingClock();
    await remoteLock(here, path, 'dead', { clock: new JumpingClock() });
    silentSince(91);
    const heir = remoteLock(here, path, 'heir', { clock, waitMs: 60_000 });
    let taken = false;
    void heir.then(() => {
      taken = true;
    });
    await clock.pass(24_000);
    expect(taken).toBe(false);
    await clock.pass(6_000);
    expect(taken).toBe(true);
    await (await heir)[Symbol.asyncDispose]();
  });

  it('stays with a holder that was only slow: one beat after the stall, and nobody takes it', async () => {
    const [clock, other] = [new JumpingClock(), new JumpingClock()];
    const slow = await remoteLock(here, path, 'slow', { clock });
    silentSince(200);
    const eager = remoteLock(here, path, 'eager', { clock: other, waitMs: 60_000 });
    eager.catch(() => {});
    await other.pass(20_000);
    await clock.pass(21_000);
    await other.pass(60_000);
    await expect(eager).rejects.toMatchObject({ code: 'E-LOCKED' });
    expect(slow.lost.aborted).toBe(false);
    await slow[Symbol.asyncDispose]();
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
    silentSince(89);
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
