// tsc to dist/, and beside it the files that are no TypeScript (the agent's Python, the job script, the devcluster's Dockerfile).
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
if (process.argv.includes('--clean')) rmSync(join(root, 'dist'), { recursive: true, force: true });
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });

// What has no source any more is not packed.
for (const path of readdirSync(join(root, 'dist'), { recursive: true })) {
  const source = join(root, path.replace(/\.js$/, '.ts'));
  if (!existsSync(source)) rmSync(join(root, 'dist', path), { recursive: true, force: true });
}
const rooms = readdirSync(join(root, 'dist'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
for (const room of rooms) {
  cpSync(join(root, room.name), join(root, 'dist', room.name), {
    recursive: true,
    filter: (from) => !from.endsWith('.ts') && !from.includes('__pycache__'),
  });
}
const main = join(root, 'dist', 'cli', 'main.js');
if (existsSync(main)) chmodSync(main, 0o755);
process.exit(status ?? 1);
