// A newer Node than the one that runs: npm's package of the plain binary, kept in .tmp. Undefined where it can't be had.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

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

/**
 * Unit tests that open the endpoint's state: better-sqlite3 is compiled for the Node that installed it, and loads in no other.
 * By the imports of each, followed to the end; what is
 * imported only when it is called counts where it is called, and no test of these does.
 */
export function needsCompiled(root) {
  const opens = join(root, 'server', 'state', 'library.ts');
  const known = new Map();
  const importsOf = (path) => {
    if (!known.has(path)) {
      const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
      const names = [...text.matchAll(/^(?:import|export) (?!type\b)[^;]*?from '(\.{1,2}\/[^']+\.ts)'/gm)].map(
        ([, name]) => name,
      );
      known.set(
        path,
        names.map((name) => join(dirname(path), name)),
      );
    }
    return known.get(path);
  };
  const reaches = (path, seen = new Set()) =>
    path === opens || importsOf(path).some((next) => !seen.has(next) && reaches(next, seen.add(next)));
  return readdirSync(join(root, 'test'), { recursive: true })
    .filter((name) => name.endsWith('.test.ts') && !/^(?:e2e|faults|hostile\/cluster)\//.test(name))
    .map((name) => join('test', name))
    .filter((name) => reaches(join(root, name)))
    .sort();
}
