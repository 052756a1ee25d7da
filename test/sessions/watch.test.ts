import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { orThrow } from '../../core/command.ts';
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
  const now = new Date();

  it('is settled by its agent where that wrote why, without asking accounting', async () => {
    const { cluster, asked } = worldOf([{ end: { why: 'idle' } }]);
    expect((await settle(cluster, session, 'absent', now)).ended?.why).toBe('idle');
    expect(asked).toEqual(['look']);
  });

  it('is settled by accounting where the scheduler forgot it', async () => {
    const { cluster, asked } = worldOf([{}], { final: jobOf('ended', { end: 'timeout' }) });
    expect((await settle(cluster, session, 'absent', now)).ended?.why).toBe('timeout');
    expect(asked).toEqual(['look', 'final']);
  });

  it('is lost where nobody knows', async () => {
    const { cluster } = worldOf([{}]);
    expect((await settle(cluster, session, 'absent', now)).ended?.why).toBe('lost');
  });

  it('is settled by what the scheduler said where the link broke afterwards', async () => {
    const { cluster } = worldOf([{ link: 'thrown' }]);
    expect((await settle(cluster, session, jobOf('ended', { end: 'timeout' }), now)).ended?.why).toBe('timeout');
  });
});
