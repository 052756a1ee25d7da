/** The built program at a terminal, as a person has it: a pseudo-terminal by util-linux's `script`, keys as bytes. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { quoteWords } from '../../core/shell.ts';
import { MAIN, ROOT } from './rig.ts';

export const CTRL_C = '\x03';

export class Terminal {
  readonly #child: ChildProcessWithoutNullStreams;
  #text = '';
  #code: number | undefined;

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    const line = `stty cols 200; exec ${quoteWords([process.execPath, MAIN, ...args])}`;
    this.#child = spawn('script', ['-qefc', line, '/dev/null'], {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', TERM: 'xterm', ...env },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on('data', (data) => {
        this.#text += String(data);
      });
    }
    this.#child.on('close', (code) => {
      this.#code = code ?? -1;
    });
  }

  /** All that was shown, without colours and line ends of terminals. */
  get text(): string {
    return stripVTControlCharacters(this.#text).replaceAll('\r', '');
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** The program by SIGKILL: it says nothing more and tidies nothing. */
  kill(): void {
    execFileSync('pkill', ['-KILL', '-P', String(this.#child.pid)]);
  }

  async until(pattern: RegExp, ms = 240_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + ms;
    for (;;) {
      const match = pattern.exec(this.text);
      if (match) return match;
      if (this.#code !== undefined || Date.now() > deadline)
        throw new Error(`${pattern} was not shown (exit ${this.#code}):\n${this.text.slice(-3000)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async ended(ms = 60_000): Promise<number> {
    const deadline = Date.now() + ms;
    while (this.#code === undefined) {
      if (Date.now() > deadline) throw new Error(`it did not end:\n${this.text.slice(-3000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this.#code;
  }
}
