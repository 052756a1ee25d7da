/** Programs that never stop to talk: memory and disks stay bounded, and what was said last is there (SECURITY F-47). */

import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CLUSTER, type Ended, hpcbinder, MAIN, on, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { eventually, launchOf } from './rig.ts';

const MIB = 1 << 20;
/** lines of one letter, a line without an end, bytes that are no text, and NUL */
const FLOOD = `yes | head -c 100M; head -c 100M /dev/zero | tr '\\0' x; head -c 20M /dev/urandom; head -c 20M /dev/zero`;
let world: OwnWorld;

beforeAll(async () => {
  await storedImage();
  world = new OwnWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** Its end, and the most memory that it had, in MiB: VmHWM of proc(5). */
async function measured(args: readonly string[], env: Record<string, string>): Promise<Ended & { peak: number }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MIB);
  });
  let peak = 0;
  const look = setInterval(() => {
    const seen = /VmHWM:\s+(\d+) kB/.exec(readIfThere(`/proc/${child.pid}/status`))?.[1];
    if (seen) peak = Number(seen) / 1024;
  }, 250);
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)));
  clearInterval(look);
  return { code, stdout: '', stderr, peak };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function storyBytes(): number {
  const folder = join(world.env.HPCBINDER_STATE ?? '', 'sessions');
  return Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).size));
}

function repository(name: string, files: Record<string, string>): string {
  const dir = join(world.dir, name);
  mkdirSync(dir);
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(join(dir, file), text);
    chmodSync(join(dir, file), 0o755);
  }
  return dir;
}

describe('a build that never stops to talk', () => {
  it('F-47: ends, in less than 300 MiB of memory, with a log of less than 9 MiB and its last words', async () => {
    const dir = repository('here', { postBuild: `#!/bin/sh\n${FLOOD}\necho\necho the last words\nexit 3\n` });
    const ended = await measured(['build', dir, '--cluster', CLUSTER, '--build-on', 'here'], world.env);
    expect(ended.stderr).toMatch(/exit 3/);
    expect(ended.stderr).toContain('  | the last words');
    expect(ended.code).toBe(1);
    expect(ended.peak).toBeGreaterThan(30);
    expect(ended.peak).toBeLessThan(300);
    expect(storyBytes()).toBeLessThan(9 * MIB);
  }, 600_000);
});

describe('an app that never stops to talk', () => {
  it('F-47: its log on the cluster is cut again and again while it writes, and the session goes on', async () => {
    const running = new Running(launchOf(await storedImage()), { env: world.env });
    try {
      const { id } = await running.ready();
      const { stdout: log } = await on(
        'login',
        'root',
        `ls ${world.home}/state/sessions/${id}/app.log ${world.home}/state/*/${id}/app.log 2>/dev/null | head -1`,
      );
      // as the app's own output does: at its end, 20 MB a second for 10 s
      await on(
        'login',
        'alice',
        `for n in $(seq 20); do head -c 10M /dev/zero | tr '\\0' x >> ${log}; sleep 0.5; done; echo the last words >> ${log}`,
      );
      const size = async () => Number((await on('login', 'root', `stat -c %s ${log}`)).stdout);
      expect(await eventually(size, (bytes) => bytes < 11 * MIB, 15)).toBeLessThan(11 * MIB);
      expect((await on('login', 'root', `tail -c 15 ${log}`)).stdout).toBe('the last words');
      const status = await hpcbinder(['status', id, '--json'], { env: world.env });
      expect(JSON.parse(status.stdout)).toMatchObject({ phase: 'ready' });
    } finally {
      await running.close();
    }
  }, 300_000);
});
