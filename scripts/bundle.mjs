// One file to install where no registry is reached: Node, the program and all it needs, for linux-x64 with glibc 2.28 or newer.
// `npm run bundle` writes dist-bundle/hpcbinder-VERSION-linux-x64.tar.gz; docs/zero-to-hpcbinder.md installs it.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const name = `hpcbinder-${version}-linux-x64`;
const out = join(root, 'dist-bundle');
const stage = join(out, name);
const NEWEST_GLIBC = [2, 28];

rmSync(out, { recursive: true, force: true });
mkdirSync(join(stage, 'lib'), { recursive: true });
execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' });

cpSync(join(root, 'dist'), join(stage, 'lib', 'dist'), { recursive: true });
for (const file of ['package.json', 'LICENSE', 'README.md', 'CHANGELOG.md']) cpSync(join(root, file), join(stage, 'lib', file));
for (const directory of modules()) copyModule(directory);
cpSync(join(root, 'deploy'), join(stage, 'share'), { recursive: true });
for (const script of ['install.sh', 'uninstall.sh']) {
  cpSync(join(root, 'deploy', script), join(stage, script));
  chmodSync(join(stage, script), 0o755);
}
mkdirSync(join(stage, 'bin'));
cpSync(realNode(), join(stage, 'bin', 'node'));
chmodSync(join(stage, 'bin', 'node'), 0o755);
writeFileSync(
  join(stage, 'bin', 'hpcbinder'),
  '#!/bin/sh\n# links to this file are followed: it is usually called by one\nself=$(readlink -f -- "$0")\nhere=${self%/*}\nexec "$here/node" "$here/../lib/dist/cli/main.js" "$@"\n',
  { mode: 0o755 },
);
const tooNew = natives(stage).flatMap((file) => glibcOf(file).filter(isTooNew).map((word) => `${relative(stage, file)}: ${word}`));
if (tooNew.length > 0) {
  process.stderr.write(`built here, these need a newer glibc than ${NEWEST_GLIBC.join('.')}:\n${tooNew.join('\n')}\n`);
  if (!process.argv.includes('--here')) process.exit(1);
}
execFileSync('tar', ['--owner=0', '--group=0', '--sort=name', '-C', out, '-czf', join(out, `${name}.tar.gz`), name]);
process.stdout.write(`${join(out, `${name}.tar.gz`)}\n`);

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
  if (!existsSync(directory)) return;
  cpSync(directory, join(stage, 'lib', relative(root, directory)), {
    recursive: true,
    filter: (path) => !relative(directory, path).split('/').includes('node_modules') && !/\/(?:deps|src|obj\.target|obj|test|tests|docs)(?:\/|$)/.test(isNative(directory) ? path.slice(directory.length) : ''),
  });
}
function isNative(directory) {
  return existsSync(join(directory, 'binding.gyp'));
}
function realNode() {
  return process.execPath;
}
function natives(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && (entry.name.endsWith('.node') || entry.name === 'node'))
    .map((entry) => join(entry.parentPath, entry.name));
}
function glibcOf(file) {
  const words = readFileSync(file, 'latin1').match(/GLIBC_[0-9]+\.[0-9]+/g) ?? [];
  return [...new Set(words)];
}
function isTooNew(word) {
  const [major, minor] = word.slice('GLIBC_'.length).split('.').map(Number);
  return major > NEWEST_GLIBC[0] || (major === NEWEST_GLIBC[0] && minor > NEWEST_GLIBC[1]);
}
