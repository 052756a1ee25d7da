// `npm run bench`: the product's promises as figures, against what one would do by hand, on a devcluster of its own.
// Prints the tables and writes docs/performance.md; exits 1 where a limit is missed. `npm run bench -- PART…` measures parts
// again (help, launch, queries, queue, convert, state); the page keeps what was measured last of the others.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { built, folders } from '../../scripts/prepare.mjs';

const ROUNDS = 5;
const REPO = './examples/quickstart';
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
process.chdir(root);

const main = built(root);
const given = process.env.HPCBINDER_TEST_CLUSTER;
const cluster = given ?? 'devcluster-bench';
const scratch = join(root, '.tmp', 'bench');
mkdirSync(scratch, { recursive: true });
if (given === undefined) Object.assign(process.env, folders(scratch));
// the launches below are nobody's to answer
process.env.CI = 'true';

const { machine, tableOf } = await import('./report.mjs');
const parts = {
  help: async () => (await import('./help.mjs')).help,
  launch: async () => (await import('./launch.mjs')).launch,
  queries: async () => (await import('./queries.mjs')).queries,
  queue: async () => (await import('./queue.mjs')).queueOf,
  convert: async () => (await import('./convert.mjs')).convert,
  state: async () => (await import('./state.mjs')).state,
};
const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!Object.hasOwn(parts, name)) fail(`there is no part "${name}": ${Object.keys(parts).join(', ')}`);

if (given === undefined) must([main, 'devcluster', 'up', '--yes', '--name', cluster]);
try {
  const stored = JSON.parse(
    must([main, 'build', REPO, '--cluster', cluster, '--partition', 'gpu', '--json']).trim().split('\n').at(-1),
  );
  const { clusterEntry, quietOn } = await import('./cluster.mjs');
  const entry = clusterEntry(cluster);
  const bench = {
    ...{ rounds: ROUNDS, main, repo: REPO, cluster, entry, scratch },
    ...{ sif: stored.sif, image: `hpcbinder/${stored.key}:latest`, quiet: () => quietOn(entry) },
  };
  const results = [];
  for (const [name, measure] of Object.entries(parts)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    process.stderr.write(`\n== ${name}\n`);
    const [date, load] = [new Date().toISOString().slice(0, 10), loadavg()[0]];
    const result = { ...(await (await measure())(bench)), date, load };
    writeFileSync(kept(name), JSON.stringify(result));
    results.push(result);
    process.stdout.write(`\n${tableOf(result)}`);
  }
  if (Object.keys(parts).every((name) => existsSync(kept(name))))
    writeFileSync(join(root, 'docs', 'performance.md'), page());
  const missed = results.flatMap(({ rows }) => rows.filter((row) => !row.met));
  for (const row of missed) process.stdout.write(`missed: ${row.what}: ${row.limit}\n`);
  process.exitCode = missed.length === 0 ? 0 : 1;
} finally {
  if (given === undefined && !process.env.HPCBINDER_KEEP) must([main, 'devcluster', 'down', '--name', cluster]);
}

function kept(name) {
  return join(scratch, `${name}.json`);
}

function page() {
  const results = Object.keys(parts).map((name) => JSON.parse(readFileSync(kept(name), 'utf8')));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return [
    '# Performance',
    '',
    `Written by \`npm run bench\`, hpcbinder ${version}: medians of ${ROUNDS} rounds, both sides in turn, on a devcluster in containers of the same machine (${machine()}).`,
    '',
    ...results.map(tableOf),
  ].join('\n');
}

function must(args) {
  const { status, stdout } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 2], encoding: 'utf8' });
  if (status === 0) return stdout;
  fail(`${args.slice(1).join(' ')} ended with ${status}`);
}

function fail(why) {
  process.stderr.write(`bench: ${why}\n`);
  process.exit(1);
}
