// One file to install where no registry is reached: Node, the program and all it needs, for linux-x64 with glibc 2.28 or newer.
// `npm run bundle` (needs `pip install ziglang`; `-- --here` takes the natives as they are, for tests on this machine) writes dist-bundle/hpcbinder-VERSION-linux-x64.tar.gz; docs/zero-to-hpcbinder.md installs it.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NEWEST_GLIBC, ofThisMachine, rebuilt, tooNew } from './natives.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const name = `hpcbinder-${version}-linux-x64`;
const out = join(root, 'dist-bundle');
const stage = join(out, name);
const natives = join(out, 'natives');
const here = process.argv.includes('--here');
/** only a compiler needs them */
const UNUSED = new Set(['cpu-features', 'buildcheck', 'nan', 'node-addon-api', 'prebuild-install']);

rmSync(out, { recursive: true, force: true });
mkdirSync(join(stage, 'lib'), { recursive: true });
execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });

cpSync(join(root, 'dist'), join(stage, 'lib', 'dist'), { recursive: true });
for (const file of ['package.json', 'LICENSE', 'README.md', 'CHANGELOG.md'])
  cpSync(join(root, file), join(stage, 'lib', file));
const compiled = here ? ofThisMachine(root) : rebuilt(root, natives);
for (const directory of modules()) copyModule(directory);
cpSync(join(root, 'deploy'), join(stage, 'share'), { recursive: true });
for (const script of ['install.sh', 'uninstall.sh']) {
  cpSync(join(root, 'deploy', script), join(stage, script));
  chmodSync(join(stage, script), 0o755);
}
mkdirSync(join(stage, 'bin'));
cpSync(process.execPath, join(stage, 'bin', 'node'));
chmodSync(join(stage, 'bin', 'node'), 0o755);
writeFileSync(
  join(stage, 'bin', 'hpcbinder'),
  '#!/bin/sh\n# links to this file are followed: it is usually called by one\nself=$(readlink -f -- "$0")\nhere=${self%/*}\nexec "$here/node" "$here/../lib/dist/cli/main.js" "$@"\n',
  { mode: 0o755 },
);
const faults = tooNew(stage);
if (faults.length > 0) {
  process.stderr.write(`built here, these need a newer glibc than ${NEWEST_GLIBC.join('.')}:\n${faults.join('\n')}\n`);
  if (!here) process.exit(1);
}
execFileSync('tar', ['--owner=0', '--group=0', '--sort=name', '-C', out, '-czf', join(out, `${name}.tar.gz`), name]);
process.stdout.write(`${join(out, `${name}.tar.gz`)}\n`);
for (const folder of [stage, natives]) rmSync(folder, { recursive: true, force: true });

/** What runs needs, without what only tests and builds do. */
function modules() {
  const words = ['ls', '--omit=dev', '--all', '--parseable'];
  let listed;
  try {
    listed = execFileSync('npm', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    // npm ls complains of what is optional and absent, and lists all the same
    listed = String(error.stdout);
  }
  return listed.split('\n').filter((line) => line.includes('/node_modules/'));
}
function copyModule(directory) {
  const name = relative(join(root, 'node_modules'), directory);
  if (!existsSync(directory) || UNUSED.has(name)) return;
  const to = join(stage, 'lib', 'node_modules', name);
  const native = compiled.get(name);
  cpSync(directory, to, { recursive: true, filter: (path) => wanted(relative(directory, path).split('/'), native) });
  if (native === undefined) return;
  mkdirSync(join(to, 'build', 'Release'), { recursive: true });
  cpSync(native, join(to, 'build', 'Release', basename(native)));
}
/** Nested modules are listed by themselves; of a compiled one the sources stay here, and what ssh2 can do without is left out. */
function wanted(parts, native) {
  if (parts.includes('node_modules') || parts.at(-1)?.endsWith('.node')) return false;
  if (parts.some((part) => part === 'obj.target' || (part === 'src' && parts.includes('crypto')))) return false;
  return native === undefined || /^(?:|lib|package\.json|LICENSE|README\.md)$/.test(parts[0] ?? '');
}
