// The compiled modules of the bundle. What a compiler of today links needs the glibc of today; zig links against the symbols of
// an older one: `-target x86_64-linux-gnu.2.28` is RHEL 8's. It comes from PyPI: pip install ziglang.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const NEWEST_GLIBC = [2, 28];
/** module → the one file of its build that is loaded */
export const NATIVES = new Map([
  ['better-sqlite3', 'better_sqlite3.node'],
  ['node-pty', 'pty.node'],
]);

/** Compiles them below `root` (their own requires are looked up from there) and returns the built file of each. */
export function rebuilt(root, folder) {
  const python = process.env.ZIG_PYTHON ?? 'python3';
  if (spawnSync(python, ['-m', 'ziglang', 'version'], { stdio: 'ignore' }).status !== 0) {
    throw new Error(`${python} has no ziglang: pip install ziglang, or name the Python that has it as ZIG_PYTHON`);
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const env = { ...process.env, CC: compiler(folder, python, 'cc'), CXX: compiler(folder, python, 'c++') };
  const made = new Map();
  for (const [name, file] of NATIVES) {
    const at = join(folder, name);
    cpSync(join(root, 'node_modules', name), at, { recursive: true });
    process.stderr.write(`compiling ${name}\n`);
    execFileSync(process.execPath, [nodeGyp(), 'rebuild', '--release', '-j', '2', ...headers()], {
      cwd: at,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    made.set(name, join(at, 'build', 'Release', file));
  }
  return made;
}

/** As they were built here, for tests on this machine. */
export function ofThisMachine(root) {
  return new Map(
    [...NATIVES].map(([name, file]) => [name, join(root, 'node_modules', name, 'build', 'Release', file)]),
  );
}

/** Which of the files need a newer glibc: `path: GLIBC_2.34`. */
export function tooNew(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && (entry.name.endsWith('.node') || entry.name === 'node'))
    .flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      const words = readFileSync(path, 'latin1').match(/GLIBC_[0-9]+\.[0-9]+/g) ?? [];
      return [...new Set(words)].filter(isTooNew).map((word) => `${path.slice(directory.length + 1)}: ${word}`);
    });
}

function isTooNew(word) {
  const [major, minor] = word.slice('GLIBC_'.length).split('.').map(Number);
  return major > NEWEST_GLIBC[0] || (major === NEWEST_GLIBC[0] && minor > NEWEST_GLIBC[1]);
}

/** zig's linker knows no --exclude-libs; it hides nothing that matters here. */
function compiler(folder, python, which) {
  const path = join(folder, which === 'cc' ? 'cc' : 'cxx');
  const target = `x86_64-linux-gnu.${NEWEST_GLIBC.join('.')}`;
  const lines = [
    '#!/bin/sh',
    'for word do shift; case $word in *--exclude-libs*) ;; *) set -- "$@" "$word" ;; esac; done',
    `exec '${python}' -m ziglang ${which} -target ${target} "$@"`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o755 });
  return path;
}

function nodeGyp() {
  const npm = execFileSync('npm', ['root', '-g'], { encoding: 'utf8' }).trim();
  return join(npm, 'npm', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
}

/** Node's own, where it was installed with them; else node-gyp fetches them. */
function headers() {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  return existsSync(join(prefix, 'include', 'node', 'node.h')) ? [`--nodedir=${prefix}`] : [];
}
