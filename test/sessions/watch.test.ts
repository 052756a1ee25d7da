import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { orThrow } from '../../core/command.ts';
import type { Clock } from '../../jobs/clock.ts';
import type { AwaitWorld } from '../../sessions/await.ts';
import { look, lookQuestion, settle } from '../../sessions/watch.ts';
import { session } from './example.ts';
import { askHere } from './local-run.ts';
import { jobOf, worldOf } from './world.ts';

describe('looking into a session’s directory', () => {
  it('gives each file as it is, and nothing of those that are not there', async () => {
    const directory = mkdtempSync(join(tmpdir(), "hb it's $HOME "));
    writeFileSync(join(directory, 'address.json'), '{"a":\n1}');
    writeFileSync(join(directory, 'work.json'), '{}');
    expect(orThrow(await askHere(lookQuestion(directory)))).toEqual(['{"a":\n1}', '', '{}']);
    rmSync(directory, { recursive: true });
    expect(await askHere(lookQuestion(directory))).toMatchObject({ ok: false, why: 'unreachable' });
  });

  it('is one program for dash and bash alike', () => {
    const { argv } = lookQuestion('/').command;
    for (const shell of ['/bin/sh', '/bin/bash']) execFileSync(shell, ['-n', '-c', argv[2] ?? '']);
  });

  it.each(['lost', 'thrown'] as const)('says nothing where the link is %s', async (link) => {
    const { cluster } = worldOf([{ link, address: true }]);
    expect(await look(cluster, session)).toEqual({ seen: {}, work: undefined });
  });
});

describe('a job that is over', () => {
  it('is settled by its agent where that wrote why, without asking accounting', async () => {
    const { cluster, asked } = worldOf([{ end: { why: 'idle' } }]);
    expect((await settle(cluster, session, 'absent')).ended?.why).toBe('idle');
    expect(asked).toEqual(['look']);
  });

  it('is settled by accounting where the scheduler forgot it', async () => {
    const { cluster, asked } = worldOf([{}], { final: jobOf('ended', { end: 'timeout' }) });
    expect((await settle(cluster, session, 'absent')).ended?.why).toBe('timeout');
    expect(asked).toEqual(['look', 'final']);
  });

  it('is lost where nobody knows', async () => {
    const { cluster } = worldOf([{}]);
    expect((await settle(cluster, session, 'absent')).ended?.why).toBe('lost');
  });

  it('is settled by what the scheduler said where the link broke afterwards', async () => {
    const { cluster } = worldOf([{ link: 'thrown' }]);
    expect((await settle(cluster, session, jobOf('ended', { end: 'timeout' }))).ended?.why).toBe('timeout');
  });

  it('is settled by its agent, whose words come late: they are waited for where it left with 0, for 90 s', async () => {
    const moments = [...Array<object>(20).fill({}), { end: { why: 'idle' as const } }];
    const late = worldOf(moments);
    const completed = jobOf('ended', { end: 'completed', endsAt: late.world.now().getTime() / 1000 });
    const settled = await settle(late.cluster, session, completed, clockOf(late.world));
    expect(settled.ended?.why).toBe('idle');
    expect(late.elapsed()).toBe(40_000);

    const never = worldOf([{}]);
    expect((await settle(never.cluster, session, completed, clockOf(never.world))).ended?.why).toBe('app-ended');
    expect(never.elapsed()).toBe(90_000);

    const longAgo = { ...completed, endsAt: Number(completed.endsAt) - 3600 };
    const { cluster, world, elapsed } = worldOf([{}]);
    expect((await settle(cluster, session, longAgo, clockOf(world))).ended?.why).toBe('app-ended');
    expect(elapsed()).toBe(0);
  });
});

const clockOf = (world: AwaitWorld): Clock => ({
  now: () => world.now().getTime(),
  sleep: (ms) => world.sleep(ms, new AbortController().signal),
});
