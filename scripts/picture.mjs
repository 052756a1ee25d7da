// The picture of the README: `launch` waiting in a full queue of a devcluster, as a terminal of 80 columns showed it.
//
//     hpcbinder devcluster up && npm run build && node scripts/picture.mjs
//
// Bob fills the GPU partition, alice launches the quickstart in a pseudo-terminal and presses w; the screen is drawn as
// docs/images/queue.svg. All jobs are ended again. HPCBINDER_TEST_CLUSTER names another devcluster.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { configPath } from '../dist/cli/config-file.js';
import { execIn } from '../dist/devcluster/index.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const name = process.env.HPCBINDER_TEST_CLUSTER ?? 'devcluster';
const COLUMNS = 80;
const LAUNCH = ['launch', './quickstart', '--partition', 'gpu', '--time', '4h', '--no-browser'];
const FILL = [
  ['--gres=gpu:1', '--time=01:30:00'],
  ['--gres=gpu:2', '--time=00:30:00'],
];

const folder = mkdtempSync(join(tmpdir(), 'work-'));
cpSync(join(root, 'examples', 'quickstart'), join(folder, 'quickstart'), { recursive: true });
try {
  await bob('scancel', '--user=bob');
  for (const words of FILL)
    await bob(
      'sbatch',
      '--partition=gpu',
      '--mem=1G',
      '--output=/dev/null',
      '--chdir=/tmp',
      ...words,
      '--wrap=sleep 9000',
    );
  const { lines, over } = await launched();
  mkdirSync(join(root, 'docs', 'images'), { recursive: true });
  writeFileSync(join(root, 'docs', 'images', 'queue.svg'), drawn([typed(), ...lines]));
  await over();
} finally {
  await bob('scancel', '--user=bob');
  rmSync(folder, { recursive: true, force: true });
}

function bob(...argv) {
  return execIn('login', argv, { user: 'bob', name });
}

/** The devcluster under the name that a site's cluster would have. */
function configFolder() {
  const { clusters } = parse(readFileSync(configPath(), 'utf8'));
  writeFileSync(
    join(folder, 'config.yaml'),
    stringify({ schema: 1, default: 'hpc', clusters: { hpc: clusters[name] } }),
  );
  return folder;
}

/** Until the answer to `w` is on the screen: its lines then, and what ends it all. */
async function launched() {
  const line = `stty cols ${COLUMNS}; exec node ${join(root, 'dist', 'cli', 'main.js')} ${LAUNCH.join(' ')}`;
  const env = {
    ...process.env,
    HPCBINDER_CONFIG: configFolder(),
    TERM: 'xterm',
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    NO_COLOR: '',
  };
  const child = spawn('script', ['-qefc', line, '/dev/null'], { cwd: folder, env });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (data) => {
    said += data;
  });
  const until = async (pattern) => {
    for (let tries = 0; !pattern.test(said); tries++) {
      if (tries > 1200 || child.exitCode !== null) throw new Error(`${pattern} was not shown:\n${said.slice(-500)}`);
      await wait(100);
    }
  };
  try {
    // the scheduler's own estimate comes with its next look at the queue, within half a minute
    await until(/press w/);
    await until(/~[0-9]{2}:[0-9]{2} \(in/);
    child.stdin.write('w');
    await until(/Enter keeps/);
    await wait(1500);
    const lines = screen(said);
    const over = async () => {
      child.stdin.write('\x03');
      await until(/ctrl-C again now/);
      child.stdin.write('\x03');
      if (child.exitCode === null) await new Promise((resolve) => child.on('close', resolve));
    };
    return { lines, over };
  } catch (error) {
    child.stdin.write('\x03\x03');
    throw error;
  }
}

function typed() {
  return [{ text: `$ hpcbinder ${LAUNCH.filter((word) => word !== '--no-browser').join(' ')}`, style: '' }];
}

/** What a terminal shows of it: runs of text of one style in each line. Only what hpcbinder writes is understood. */
function screen(text) {
  const lines = [[]];
  let [column, style] = [0, ''];
  for (const [token] of text.matchAll(/\x1b\[[0-9;]*[A-Za-z]|[\s\S]/gu)) {
    const line = lines[lines.length - 1];
    if (token === '\r') column = 0;
    else if (token === '\n') lines.push([]);
    else if (token === '\x1b[2K') line.length = 0;
    else if (token.endsWith('m') && token.length > 1) style = token.slice(2, -1);
    else if (token.length === 1 || !token.startsWith('\x1b'))
      line[column++] = { text: token, style: style === '0' ? '' : style };
  }
  return lines.map(runs).filter((line, i, all) => line.length > 0 || i < all.length - 1);
}

function runs(cells) {
  const joined = [];
  for (const cell of Array.from(cells, (each) => each ?? { text: ' ', style: '' })) {
    const last = joined[joined.length - 1];
    if (last?.style === cell.style) last.text += cell.text;
    else joined.push({ ...cell });
  }
  return joined;
}

/** Each run has its place and its length, so that any monospaced font keeps the columns. */
function drawn(lines) {
  const [wide, high, edge] = [8.4, 19, 14];
  const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const text = lines.flatMap((line, row) => {
    let column = 0;
    return line.map(({ text: word, style }) => {
      const [x, length] = [edge + column * wide, [...word].length];
      column += length;
      if (word.trim() === '') return '';
      const place = `x="${x.toFixed(1)}" y="${edge + (row + 1) * high - 5}" textLength="${(length * wide).toFixed(1)}"`;
      return `<text ${place}${style === '' ? '' : ` class="s${style}"`}>${escaped(word)}</text>`;
    });
  });
  const [width, height] = [2 * edge + COLUMNS * wide, 2 * edge + lines.length * high];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>hpcbinder launch waits in a full queue, and tells what would start sooner</title>
<style>text{font:14px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d4d4d4;white-space:pre}.s32{fill:#6cc070}.s33{fill:#e0b050}.s31{fill:#f07070}.s2{fill:#909090}</style>
<rect width="${width}" height="${height}" rx="8" fill="#1c1e22"/>
${text.filter(Boolean).join('\n')}
</svg>
`;
}
