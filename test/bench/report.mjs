// Figures as rows of a table, the same on the terminal and in docs/performance.md.
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem } from 'node:os';

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Markdown of one part: its table, the single rounds, what is to be said of them, what could not be measured. */
export function tableOf({ title, about, rows, notes = [], missing = [], date, load }) {
  const lines = [`## ${title}`, '', about, '', '| | ours | theirs | ratio | limit | |', '|---|---|---|---|---|---|'];
  for (const row of rows) {
    const ratio = row.ratio === undefined ? '' : row.ratio.toFixed(2);
    const cells = [row.what, shown(row.ours, row.unit), shown(row.theirs, row.unit), ratio, row.limit];
    lines.push(`| ${cells.join(' | ')} | ${row.met ? 'met' : '**missed**'} |`);
  }
  const rounds = rows.filter((row) => row.ours.length > 1);
  if (rounds.length > 0) lines.push('');
  for (const row of rounds)
    lines.push(
      `- rounds, ${row.what}: ours ${list(row.ours)}${row.theirs.length > 0 ? `; theirs ${list(row.theirs)}` : ''} ${row.unit}`.trimEnd(),
    );
  for (const note of notes) lines.push(`- ${note}`);
  lines.push('', `Measured on ${date}; the machine’s load when it began: ${load.toFixed(1)}.`);
  for (const what of missing) lines.push('', `Not measured: ${what}.`);
  return `${lines.join('\n')}\n`;
}

function shown(values, unit) {
  if (values.length === 0) return '';
  return `${short(median(values))}${unit === '' ? '' : ` ${unit}`}`;
}

function list(values) {
  return values.map(short).join(', ');
}

function short(value) {
  return Number.isInteger(value) ? String(value) : value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

/** `2 × Intel Xeon, 24 GB, Linux 6.1, Node 20.19, Docker 20.10` */
export function machine() {
  const engine = run('docker', ['version', '--format', '{{.Server.Version}}']);
  return [
    `${availableParallelism()} × ${cpus()[0]?.model.trim() || 'CPU'}`,
    `${Math.round(totalmem() / 1e9)} GB`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    ...(engine ? [`Docker ${engine}`] : []),
  ].join(', ');
}

function run(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
