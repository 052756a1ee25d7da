// `npm run bench`: the product's promises as figures, against what one would do by hand, on a devcluster of its own.
// Prints the tables and writes docs/performance.md; exits 1 where a limit is missed. `npm run bench -- PART…` measures parts
// again (help, launch, queries, queue, convert, state, serve); the page keeps what was measured last of the others.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
  serve: async () => (await import('./serve.mjs')).serve,
};
/** Their other side is on this machine. */
const WITHOUT_CLUSTER = ['help', 'state', 'serve'];
const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!Object.hasOwn(parts, name)) fail(`there is no part "${name}": ${Object.keys(parts).join(', ')}`);

const measured = wanted.length > 0 ? Object.keys(parts).filter((name) => wanted.includes(name)) : Object.keys(parts);
const onCluster = measured.some((name) => !WITHOUT_CLUSTER.includes(name));

if (onCluster && given === undefined) must([main, 'devcluster', 'up', '--yes', '--name', cluster]);
try {
  const bench = { rounds: ROUNDS, main, scratch, ...(onCluster ? await prepared() : {}) };
  const results = [];
  for (const name of measured) {
    process.stderr.write(`\n== ${name}\n`);
    const [date, load] = [new Date().toISOString().slice(0, 10), loadavg()[0]];
    const result = { ...(await (await parts[name]())(bench)), date, load };
    results.push(result);
    process.stdout.write(`\n${tableOf(result)}`);
  }
  const page = join(root, 'docs', 'performance.md');
  writeFileSync(page, pageWith(readFileSync(page, 'utf8'), results));
  const missed = results.flatMap(({ rows }) => rows.filter((row) => !row.met));
  for (const row of missed) process.stdout.write(`missed: ${row.what}: ${row.limit}\n`);
  process.exitCode = missed.length === 0 ? 0 : 1;
} finally {
  if (onCluster && given === undefined && !process.env.HPCBINDER_KEEP)
    must([main, 'devcluster', 'down', '--name', cluster]);
}

/** A devcluster with the image on it. */
async function prepared() {
  const stored = JSON.parse(
    must([main, 'build', REPO, '--cluster', cluster, '--partition', 'gpu', '--json']).trim().split('\n').at(-1),
  );
  const { clusterEntry, quietOn } = await import('./cluster.mjs');
  const entry = clusterEntry(cluster);
  return {
    ...{ repo: REPO, cluster, entry, quiet: () => quietOn(entry) },
    ...{ sif: stored.sif, image: `hpcbinder/${stored.key}:latest` },
  };
}

/** The page, each part that was measured in the place of what it said before. */
function pageWith(before, results) {
  const sections = new Map(
    before
      .split(/^(?=## )/m)
      .slice(1)
      .map((text) => [text.split('\n', 1)[0], text.trimEnd()]),
  );
  for (const result of results) sections.set(`## ${result.title}`.split('\n', 1)[0], tableOf(result).trimEnd());
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const head = [
    '# Performance',
    '',
    `Written by \`npm run bench\`, hpcbinder ${version}: medians of ${ROUNDS} rounds, both sides in turn, on a devcluster in containers of the same machine (${machine()}).`,
  ];
  return `${[head.join('\n'), ...sections.values()].join('\n\n')}\n`;
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
