// `npm test`: types and lint, unit tests, then end to end on a devcluster of its own, from a fresh clone with nothing done
// before. `unit`, `long` (those of the unit tests that take their time), `newer` (both on a newer Node), `e2e`, `faults` run one
// part; `--more` adds to the whole what a CI has the time for: the newer Node, and a slice of the faults that changes with the
// commit. Ends with `not run: why` lines and `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { built, folders } from '../scripts/prepare.mjs';
import { cannotBeShown } from './conditions.mjs';
import { commitOf, faultFiles, sliceOf } from './faults/slice.mjs';
import { needsCompiled, newerNode } from './newer-node.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const CLUSTER = process.env.HPCBINDER_TEST_CLUSTER ?? 'devcluster-test';
const MORE = '--more';
const more = process.argv.includes(MORE);
const [part, ...pattern] = process.argv.slice(2).filter((word) => word !== MORE);
const wants = (name) => part === undefined || part === name;

const main = built(root);
const scratch = mkdtempSync(join(tmpdir(), 'hb-test-'));
const notRun = join(scratch, 'not-run');
const total = { passed: 0, failed: 0 };

function step(name, command, args) {
  process.stderr.write(`\n== ${name}\n`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  count(status === 0);
  if (status !== 0) process.stderr.write(`${name}: failed\n`);
}

function count(passed) {
  if (passed) total.passed++;
  else total.failed++;
}

function jest(project, env, args = [], node = process.execPath) {
  process.stderr.write(`\n== ${project}${node === process.execPath ? '' : ' on a newer Node'}\n`);
  const report = join(scratch, `${project}-${node === process.execPath}.json`);
  const { status } = spawnSync(
    node,
    [
      '--experimental-vm-modules',
      '--no-warnings',
      join(root, 'node_modules/jest/bin/jest.js'),
      '--selectProjects',
      project,
      '--json',
      `--outputFile=${report}`,
      ...args,
      ...pattern,
    ],
    { cwd: root, stdio: ['ignore', 'ignore', 2], env: { ...process.env, HPCBINDER_NOT_RUN: notRun, ...env } },
  );
  if (!existsSync(report)) return count(false);
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  total.passed += numPassedTests;
  total.failed += numFailedTests;
  // a file that could not even be loaded has no failed test of its own
  total.failed += testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  total.failed += numPendingTests + numTodoTests;
  if (status !== 0 && numFailedTests === 0 && total.failed === 0) count(false);
}

if (part === undefined) {
  step('types', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', root]);
  step('lint', process.execPath, [join(root, 'node_modules/@biomejs/biome/bin/biome'), 'check', root]);
}
// Most of them wait for processes of theirs: more workers than cores, and patience for a machine that is busy.
const ONE_BY_ONE = ['--runInBand', '--testTimeout=300000'];
const UNIT = ['--maxWorkers=4', '--testTimeout=30000'];
/** as in jest.config.mjs, which the flag takes the place of; the long ones are among the unit tests then */
const NOT_UNIT = '/node_modules/|/test/(e2e|faults|hostile/cluster)/';
for (const project of ['unit', 'long']) if (wants(project)) jest(project, folders(join(scratch, project)), UNIT);
if (part === 'newer' || (part === undefined && more)) {
  const { node, why } = newerNode(root);
  if (node) {
    const left = needsCompiled(root);
    jest('unit', folders(join(scratch, 'newer')), [...UNIT, '--testPathIgnorePatterns', NOT_UNIT, ...left], node);
    appendFileSync(
      notRun,
      `${left.length} files of the endpoint on a newer Node: better-sqlite3 is compiled for this one\n`,
    );
  } else appendFileSync(notRun, `the unit tests on a newer Node: ${why}\n`);
}
if (part === undefined || part === 'e2e' || part === 'faults') {
  const { ensureBrowser } = await import('./browser.mjs');
  ensureBrowser();
  onCluster(part === 'faults' ? 'faults' : 'e2e');
  if (more) {
    const commit = commitOf(root);
    const { files, env } = sliceOf(commit, faultFiles(root));
    process.stderr.write(`\nfaults of ${commit}: ${files.join(' ')}\n`);
    onCluster('faults', env, files);
  }
}

/** On a devcluster of its own, fresh: jobs that one leaves behind fill the nodes of the next. */
function onCluster(project, env = {}, files = []) {
  const own = { ...folders(join(root, '.tmp', 'test')), HPCBINDER_TEST_CLUSTER: CLUSTER };
  const devcluster = (...words) =>
    spawnSync(process.execPath, [main, 'devcluster', ...words, '--name', CLUSTER], {
      cwd: root,
      stdio: ['ignore', 2, 2],
      env: { ...process.env, ...own },
    }).status === 0;
  const isUp = devcluster('up', '--yes');
  count(isUp);
  if (!isUp) return;
  jest(project, { ...own, ...env }, [...ONE_BY_ONE, ...files]);
  if (!process.env.HPCBINDER_KEEP) devcluster('down');
}

if (existsSync(notRun))
  for (const line of new Set(readFileSync(notRun, 'utf8').split('\n').filter(Boolean)))
    process.stdout.write(`not run: ${line}\n`);
if (part === undefined) for (const why of cannotBeShown()) process.stdout.write(`not run: ${why}\n`);
rmSync(scratch, { recursive: true, force: true });
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
