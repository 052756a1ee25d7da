/** A wrong clock for real programs: `fake-clock.c`, compiled here and preloaded there. A fake, for no container has a clock of its own. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

const dir = mkdtempSync(join(tmpdir(), 'hb-clock-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The library's path, for this machine and for newer ones; undefined where there is no compiler. */
export function fakeClockLibrary(): string | undefined {
  const library = join(dir, 'fake-clock.so');
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, join(import.meta.dirname, 'fake-clock.c')]);
    return library;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

/** What a program is started with. `file` has the seconds. */
export function fakeClockEnv(library: string, file: string): Record<string, string> {
  return { LD_PRELOAD: library, FAKE_CLOCK: file };
}

/** The file's content. */
export function aheadBy(seconds: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(seconds));
  return bytes;
}

/** A clock of programs on this machine, which can be set while they run. */
export class FakeClock {
  readonly env: Record<string, string>;
  readonly #file: string;

  constructor(library: string, ahead: number) {
    this.#file = join(mkdtempSync(join(dir, 'clock-')), 'ahead');
    writeFileSync(this.#file, aheadBy(ahead));
    this.env = fakeClockEnv(library, this.#file);
  }

  /** In place, for the file is mapped. */
  set(ahead: number): void {
    const fd = openSync(this.#file, 'r+');
    writeSync(fd, aheadBy(ahead));
    closeSync(fd);
  }
}
