// A slice of the fault tests that changes with the commit: a few minutes' worth of files, chosen by the commit's hash, so
// that the next commits meet the others. `npm run test:faults` runs them all.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Seconds that a file takes on two idle cores; one that is not named here is taken for two minutes. */
const SECONDS = {
  agent: 40,
  controller: 150,
  kills: 90,
  laptop: 150,
  submit: 75,
  upload: 100,
};
const BUDGET_SECONDS = 180;
/** of the twenty */
const KILLS = 3;

/** The commit that is checked out; a copy without git has always the same slice. */
export function commitOf(root) {
  const asked = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trim() : 'no commit';
}

/** Names of all test files of the faults, without `.test.ts`. */
export function faultFiles(root) {
  const names = readdirSync(join(root, 'test', 'faults')).filter((name) => name.endsWith('.test.ts'));
  return names.map((name) => name.replace('.test.ts', '')).sort();
}

/** `files`: patterns for jest, at least one; `env`: what makes the kills of this commit its own. */
export function sliceOf(commit, names) {
  const hash = (text) => createHash('sha256').update(text).digest();
  const chosen = [];
  let left = BUDGET_SECONDS;
  for (const name of [...names].sort((a, b) => hash(commit + a).compare(hash(commit + b)))) {
    const seconds = SECONDS[name] ?? 120;
    if (chosen.length > 0 && seconds > left) continue;
    chosen.push(name);
    left -= seconds;
  }
  return {
    files: chosen.map((name) => `test/faults/${name}.test.ts`),
    env: { HPCBINDER_SEED: String(hash(commit).readUInt32BE()), HPCBINDER_MOMENTS: String(KILLS) },
  };
}
