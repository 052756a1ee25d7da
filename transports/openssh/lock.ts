/** One login at a time: whoever comes while another asks its person waits, and finds the login made. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HpcbinderError } from '../../core/errors.ts';
import type { Prompter } from '../../core/transport.ts';

/** As long as a server waits for a login (LoginGraceTime), three times. */
const LONGEST_MS = 360_000;

export async function locked<T>(path: string, prompter: Prompter | undefined, work: () => Promise<T>): Promise<T> {
  for (const began = Date.now(); !taken(path); await sleep(200)) {
    if (Date.now() - began < 200) prompter?.say('Waiting for the login that another hpcbinder has begun …');
    if (Date.now() - began > LONGEST_MS) {
      throw new HpcbinderError('E-LOCKED', {
        message: 'another hpcbinder has been logging in to the same host for minutes',
        hint: `Answer it or end it. If there is none, remove ${path}.`,
        transient: true,
      });
    }
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function taken(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // of one that was killed
    if (!alive(holder(path))) rmSync(path, { force: true });
    return false;
  }
}

function holder(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return 0;
  }
}

function alive(pid: number): boolean {
  // written a moment ago by one who has not yet said who it is
  if (!Number.isInteger(pid) || pid < 1) return true;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
