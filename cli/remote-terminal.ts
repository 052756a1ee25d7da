/** A shell elsewhere and this process's terminal, joined until the shell ends; the terminal is given back in any case. */
import { finished } from 'node:stream/promises';
import type { RemoteShell, ShellSize } from '../sessions/frames.ts';

/** A terminal that does not know its size says 0. */
export function windowSize(): ShellSize {
  return { rows: process.stdout.rows || 24, cols: process.stdout.columns || 80 };
}

/** @returns the exit status. Without a terminal: input, output and errors as of a command here. */
export async function joined(shell: RemoteShell, terminal: boolean): Promise<number> {
  const { stdin, stdout, stderr } = process;
  const resize = () => shell.resize(windowSize());
  const type = (data: Buffer) => {
    if (shell.write(data)) return;
    stdin.pause();
    shell.drained().then(() => stdin.resume());
  };
  shell.output.pipe(stdout, { end: false });
  shell.errors.pipe(stderr, { end: false });
  if (terminal) {
    stdin.setRawMode(true);
    stdout.on('resize', resize);
  }
  stdin.on('data', type).once('end', shell.end);
  try {
    const code = await shell.exited;
    await Promise.all([finished(shell.output), finished(shell.errors)]);
    return code;
  } finally {
    stdin.off('data', type).off('end', shell.end).pause();
    stdout.off('resize', resize);
    if (terminal) stdin.setRawMode(false);
    // an open pipe at stdin would keep the process
    if ('unref' in stdin) (stdin as { unref(): void }).unref();
  }
}
