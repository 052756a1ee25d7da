// What we ask of the scheduler, counted on the login node: commands that take the place of Slurm's own and write a line each.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { chooseCluster, connectCluster } from '../../dist/cli/connect.js';
import { parseConfig } from '../../dist/core/config.js';
import { Poller } from '../../dist/jobs/poller.js';
import { warm } from './launch.mjs';
import { median } from './report.mjs';

const COUNTED = 'sinfo squeue sbatch scontrol sacct sacctmgr scancel sprio sshare';
const MOST_PER_LAUNCH = 4;
const MANY = 100;
/** an attended session is watched so long after its page came */
const ATTENDED_MS = 6_000;
/** the poller's minute passes this many times as fast, so that its intervals need no patience; the commands are real */
const FASTER = 10;
const WATCHED_MS = 60_000;

const SHIMS = `umask 077; mkdir -p ~/.hpcbinder-bench/bin && cd ~/.hpcbinder-bench/bin || exit 1
for name in ${COUNTED}; do
  real=$(command -v "$name") || continue
  printf '#!/bin/sh\\necho %s >> %s/../log\\nexec %s "$@"\\n' "$name" "$PWD" "$real" > "$name"; chmod 700 "$name"
done; pwd`;
const HELD = `i=0; while [ $i -lt ${MANY} ]; do sbatch --parsable --hold --output=/dev/null --wrap=: || exit 1; i=$((i+1)); done`;

export async function queries({ rounds, main, repo, cluster, quiet, scratch }) {
  const plain = chooseCluster(parseConfig(readFileSync(configFile(), 'utf8'), configFile()), cluster);
  const direct = await connectCluster(plain, undefined);
  try {
    const bin = await sh(direct, SHIMS);
    const counting = { ...process.env, HPCBINDER_CONFIG: configWithPath(scratch, cluster, bin) };
    const counted = async (work) => {
      await sh(direct, ': > ~/.hpcbinder-bench/log');
      await work();
      return (await sh(direct, 'cat ~/.hpcbinder-bench/log')).split('\n').filter(Boolean);
    };
    const launches = [];
    let words = '';
    for (let round = 0; round < rounds; round++) {
      await quiet();
      const seen = await counted(() =>
        warm({ main, repo, cluster, env: counting, attendMs: ATTENDED_MS, stop: false }),
      );
      launches.push(seen.length);
      words = seen.join(', ');
      await stopAll(direct);
    }
    const watched = await connectCluster({ ...plain, entry: { ...plain.entry, path: [bin] } }, undefined);
    try {
      const ids = (await sh(direct, HELD)).split('\n');
      const [one, many] = [[], []];
      for (let round = 0; round < rounds; round++) {
        one.push((await counted(() => minute(watched, ids.slice(0, 1)))).length);
        many.push((await counted(() => minute(watched, ids))).length);
      }
      return resultOf(launches, words, one, many);
    } finally {
      await watched.transport[Symbol.asyncDispose]();
    }
  } finally {
    await stopAll(direct);
    await sh(direct, 'rm -rf ~/.hpcbinder-bench');
    await direct.transport[Symbol.asyncDispose]();
  }
}

function resultOf(launches, words, one, many) {
  const usual = median(launches);
  return {
    title: 'What the scheduler is asked',
    about: `Slurm’s commands, counted on the login node. A launch that starts at once, with its first ${ATTENDED_MS / 1000} s in the browser: ${words}.`,
    rows: [
      {
        what: 'a launch',
        ...{ ours: launches, theirs: [], unit: '', limit: `at most ${MOST_PER_LAUNCH}`, met: usual <= MOST_PER_LAUNCH },
      },
      {
        what: `a minute: ${MANY} watched sessions (ours) against 1 (theirs)`,
        ...{ ours: many, theirs: one, unit: '', ratio: median(many) / median(one), limit: 'equal' },
        met: median(many) === median(one) && median(one) > 0,
      },
    ],
  };
}

/** One poller, as every command has it, over a minute of its clock. */
async function minute({ transport, scheduler, profile }, ids) {
  const clock = {
    now: () => performance.now() * FASTER,
    sleep: (ms, signal) => wait(ms / FASTER, undefined, { signal }).catch(() => {}),
  };
  const poller = new Poller(transport, scheduler, { owner: profile.uid, clock });
  const answered = new Set();
  for (const id of ids) poller.watch(id, (seen) => typeof seen === 'object' && answered.add(id));
  await wait(WATCHED_MS / FASTER);
  poller.close();
  if (answered.size !== ids.length) throw new Error(`${answered.size} of ${ids.length} jobs were seen`);
}

function configFile() {
  return join(process.env.HPCBINDER_CONFIG, 'config.yaml');
}

function configWithPath(scratch, cluster, bin) {
  const config = parse(readFileSync(configFile(), 'utf8'));
  config.clusters[cluster].path = [bin];
  const folder = join(scratch, 'counting');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'config.yaml'), stringify(config), { mode: 0o600 });
  return folder;
}

function stopAll(cluster) {
  return sh(cluster, `scancel -u "$(id -un)"; until [ -z "$(squeue -h -u "$(id -un)")" ]; do sleep 0.3; done`);
}

async function sh({ transport }, program) {
  const { ended, stdout, stderr } = await transport.run({ argv: ['sh', '-c', program], timeoutMs: 60_000 });
  if (ended.kind === 'exit' && ended.code === 0) return Buffer.from(stdout).toString().trim();
  throw new Error(`on the login node: ${JSON.stringify(ended)} ${Buffer.from(stderr)}`);
}
