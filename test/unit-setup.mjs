// Before the unit tests and the long ones. They start some hundred Pythons, and `python3` of a version manager (pyenv, asdf) is a shell script that
// takes longer than most of them: the interpreter that it would choose goes first in PATH.
import { spawnSync } from 'node:child_process';
import { delimiter, dirname } from 'node:path';

export default function setup() {
  const { stdout } = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
  const python = stdout?.trim();
  if (python) process.env.PATH = `${dirname(python)}${delimiter}${process.env.PATH ?? ''}`;
}
