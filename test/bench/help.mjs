// What the program costs before it does anything: `--help` against an empty Node.
import { spawnSync } from 'node:child_process';
import { median } from './report.mjs';

const MOST = 3;
/** one start is short: a round is the median of so many */
const STARTS = 5;

export function help({ rounds, main }) {
  const [ours, theirs] = [[], []];
  for (let round = 0; round < rounds; round++) {
    ours.push(median(Array.from({ length: STARTS }, () => seconds([main, '--help']))));
    theirs.push(median(Array.from({ length: STARTS }, () => seconds(['-e', '0']))));
  }
  const ratio = median(ours) / median(theirs);
  return {
    title: 'Start',
    about: '`hpcbinder --help` against `node -e 0`: what every command costs before it begins.',
    rows: [{ what: '`--help`', ours, theirs, unit: 's', ratio, limit: `at most ${MOST} ×`, met: ratio <= MOST }],
  };
}

function seconds(args) {
  const began = performance.now();
  const { status } = spawnSync(process.execPath, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}`);
  return (performance.now() - began) / 1000;
}
