// What a fresh clone lacks: node_modules and dist/. Node's own modules only, for nothing else is there yet.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Installs by the lockfile where node_modules is absent or older than it, builds dist/; gives the path of the program. */
export function built(root) {
  const stamp = join(root, 'node_modules', '.hpcbinder-installed');
  if (!existsSync(stamp) || statSync(stamp).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs) {
    // npm ci wants the lockfile to name the packages of every platform, which a registry mirror that lacks some cannot
    // give; npm install keeps to the versions of the lockfile too, and writes nothing with --no-save
    const clean = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: root, stdio: 'ignore' }).status === 0;
    if (!clean) must('npm', ['install', '--no-save', '--no-audit', '--no-fund'], root, 'npm install');
    writeFileSync(stamp, '');
  }
  must(process.execPath, [join(root, 'scripts', 'build.mjs')], root, 'building dist/');
  return join(root, 'dist', 'cli', 'main.js');
}

function must(command, args, cwd, what) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  process.stderr.write(`${what} failed${error ? `: ${error.message}` : ''}\n`);
  process.exit(1);
}

/** Config, state and cache of their own, so that nothing of the user's is touched. */
export function folders(base) {
  const env = {
    HPCBINDER_CONFIG: join(base, 'config'),
    HPCBINDER_STATE: join(base, 'state'),
    HPCBINDER_CACHE: join(base, 'cache'),
  };
  for (const dir of Object.values(env)) mkdirSync(dir, { recursive: true, mode: 0o700 });
  return env;
}
