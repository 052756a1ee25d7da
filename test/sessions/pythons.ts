/** The oldest Python that clusters have, where this machine has it, and this machine's own. */
import { execFileSync } from 'node:child_process';

export function pythons(): string[] {
  const found = ['python3'];
  try {
    const env = { ...process.env, PYENV_VERSION: '3.6.15' };
    found.push(
      execFileSync('python3.6', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8', env }).trim(),
    );
  } catch {
    // Named by the list of tests: it then has python3 only.
  }
  return found;
}
