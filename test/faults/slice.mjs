// A slice of the fault tests that changes with the commit, attacks on a cluster among them: a few minutes' worth of files,
// chosen by the commit's hash, so that the next commits meet the others. `npm run test:faults` runs them all.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Where they lie: faults, and attacks that need a cluster. */
const FOLDERS = ['test/faults', 'test/hostile/cluster'];
/** Seconds that a file takes on two idle cores; one that is not named here is taken for two minutes. */
const SECONDS = {
  agent: 40,
  clocks: 130,
  'cluster-build': 420,
  controller: 150,
  kills: 90,
  laptop: 150,
  late: 200,
  memory: 110,
  node: 300,
  oracle: 90,
  pbs: 170,
  repo2docker: 200,
  streams: 300,
  submit: 75,
  upload: 100,
  walltime: 330,
};
const BUDGET_SECONDS = 180;
/** of the twenty */
const KILLS = 3;
/** of ten minutes */
const ASLEEP_SECONDS = 60;

/** The commit that is checked out; a copy without git has always the same slice. */
export function commitOf(root) {
  const asked = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trim() : 'no commit';
}

/** Paths of all their test files below `root`, with `/`. */
export function faultFiles(root) {
  const inFolder = (folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`);
  return FOLDERS.flatMap(inFolder)
    .filter((path) => path.endsWith('.test.ts'))
    .sort();
}

/** `files`: patterns for jest, at least one; `env`: the commit's own kills, fewer of them, and a shorter sleep. */
export function sliceOf(commit, paths) {
  const hash = (text) => createHash('sha256').update(text).digest();
  const chosen = [];
  let left = BUDGET_SECONDS;
  for (const path of [...paths].sort((a, b) => hash(commit + a).compare(hash(commit + b)))) {
    const seconds = SECONDS[basename(path, '.test.ts')] ?? 120;
    if (chosen.length > 0 && seconds > left) continue;
    chosen.push(path);
    left -= seconds;
  }
  return {
    files: chosen,
    env: {
      HPCBINDER_SEED: String(hash(commit).readUInt32BE()),
      HPCBINDER_MOMENTS: String(KILLS),
      HPCBINDER_ASLEEP: String(ASLEEP_SECONDS),
    },
  };
}
