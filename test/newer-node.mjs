// A newer Node than the one that runs: npm's package of the plain binary, kept in .tmp. Undefined where it can't be had.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const MAJOR = 24;
const MS = 120_000;

/** @returns the path of the program, or why there is none */
export function newerNode(root) {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(root, '.tmp', `node-${MAJOR}`);
  const node = join(folder, 'node_modules', name, 'bin', 'node');
  if (!works(node)) {
    mkdirSync(folder, { recursive: true });
    const args = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', `${name}@${MAJOR}`];
    spawnSync('npm', args, { stdio: ['ignore', 2, 2], timeout: MS });
  }
  return works(node) ? { node } : { why: `npm has no ${name}@${MAJOR} for this machine, or does not answer` };
}

function works(node) {
  if (!existsSync(node)) return false;
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return stdout?.startsWith(`v${MAJOR}.`) ?? false;
}
