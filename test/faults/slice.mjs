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
  after: 50,
  agent: 40,
  apps: 90,
  'as-user': 80,
  'as-user-launch': 60,
  'as-user-transport': 40,
  audit: 60,
  builds: 170,
  bundle: 200,
  clocks: 130,
  'cluster-build': 420,
  clusters: 240,
  completing: 70,
  controller: 160,
  crash: 20,
  doctor: 100,
  // the longer one of that name
  endpoint: 260,
  'endpoint-binder-client': 200,
  'endpoint-breaks': 260,
  'endpoint-culling': 230,
  'endpoint-fronts': 140,
  // of three moments
  'endpoint-kills': 120,
  'endpoint-outlook': 240,
  'endpoint-pictures': 240,
  'endpoint-tabs': 140,
  'endpoint-walltime': 180,
  far: 80,
  flood: 110,
  gate: 60,
  home: 70,
  images: 130,
  kills: 90,
  laptop: 150,
  large: 120,
  late: 200,
  'login-nodes': 80,
  memory: 110,
  names: 50,
  node: 300,
  oracle: 160,
  pbs: 200,
  queue: 120,
  // of a site's own cluster; without one it is over at once
  'real-cluster': 5,
  repo2docker: 200,
  'reverse-proxies': 60,
  scheduler: 220,
  scripts: 100,
  session: 120,
  'shared-images': 300,
  shells: 120,
  site: 30,
  'site-login': 40,
  'slow-clients': 90,
  'ssh-keeper': 80,
  'ssh-node': 40,
  'ssh-person': 60,
  'ssh-relay': 40,
  'ssh-sites': 90,
  'ssh-two-factors': 85,
  streams: 700,
  submit: 75,
  upload: 130,
  'upload-line': 95,
  users: 120,
  walltime: 330,
  words: 100,
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
