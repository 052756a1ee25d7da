/** The built program as its user runs it, against the devcluster that `npm test` started; and hands on every host. */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { execIn } from '../../devcluster/index.ts';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const MAIN = join(ROOT, 'dist', 'cli', 'main.js');
export const CLUSTER = process.env.HPCBINDER_TEST_CLUSTER ?? 'devcluster-test';

export type Ended = { code: number; stdout: string; stderr: string };

/** Runs to the end; never throws for an exit code. */
export async function hpcbinder(
  args: readonly string[],
  how: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Ended> {
  const done = await execa(process.execPath, [MAIN, ...args], {
    cwd: how.cwd ?? ROOT,
    env: { ...how.env, NODE_OPTIONS: '' },
    reject: false,
    stdin: 'ignore',
  });
  return { code: done.exitCode ?? -1, stdout: done.stdout, stderr: done.stderr };
}

export type Event = { type: string; [key: string]: unknown };

/** A launch or open with `--json`, left running: its events, and an end in order by ctrl-C. */
export class Running {
  readonly events: Event[] = [];
  readonly #child: ChildProcess;
  #stderr = '';
  #wake: () => void = () => {};
  #code: number | undefined;

  constructor(args: readonly string[], how: { env?: Record<string, string>; cwd?: string } = {}) {
    this.#child = spawn(process.execPath, [MAIN, ...args, '--json'], {
      cwd: how.cwd ?? ROOT,
      env: { ...process.env, ...how.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let rest = '';
    this.#child.stdout?.on('data', (data) => {
      const lines = (rest + String(data)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.events.push(JSON.parse(line) as Event);
      this.#wake();
    });
    this.#child.stderr?.on('data', (data) => {
      this.#stderr += String(data);
    });
    this.#child.on('close', (code) => {
      this.#code = code ?? -1;
      this.#wake();
    });
  }

  /** The first event that fits; fails with what was said where the program ends first. */
  async until(fits: (event: Event) => boolean, ms = 240_000): Promise<Event> {
    const deadline = Date.now() + ms;
    for (;;) {
      const found = this.events.find(fits);
      if (found) return found;
      const tail = () => `${JSON.stringify(this.events.slice(-5), null, 1)}\n${this.#stderr.slice(-3000)}`;
      if (this.#code !== undefined) throw new Error(`ended with ${this.#code} before that:\n${tail()}`);
      if (Date.now() > deadline) throw new Error(`nothing like that within ${ms} ms:\n${tail()}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 500).unref();
      });
    }
  }

  ready(ms?: number): Promise<Ready> {
    return this.until((event) => event.type === 'ready', ms) as Promise<unknown> as Promise<Ready>;
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  /** By SIGKILL: it says nothing more and tidies nothing. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended();
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async ended(): Promise<number> {
    while (this.#code === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
    return this.#code;
  }

  async close(): Promise<void> {
    if (this.#code === undefined) this.interrupt();
    await this.ended();
  }
}

export type Ready = Event & {
  id: string;
  jobId: string;
  node: string;
  url: string;
  workDirectory: string;
  endsAt: number;
};

/** On a host of the devcluster, by bash: alice, bob or root. */
export async function on(host: 'login' | 'c1' | 'c2', user: 'alice' | 'bob' | 'root', command: string): Promise<Ended> {
  const done = await execIn(host, ['bash', '-c', command], { user, name: CLUSTER });
  return { code: done.exitCode, stdout: done.stdout.trim(), stderr: done.stderr.trim() };
}
