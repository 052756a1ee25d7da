// `npm run demo`: from a fresh clone to JupyterLab on a compute node of a cluster in containers. Nothing needs to be done
// before. `-- --check` reads title, kernel and host name in a browser, cleans up and exits 0; `-- --down` ends the cluster.
import { spawn, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { built, folders } from '../scripts/prepare.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const check = process.argv.includes('--check');
const CLUSTER = 'devcluster-demo';

const main = built(root);
const env = { ...process.env, ...folders(join(root, '.tmp', 'demo')) };
const hpcbinder = (...args) =>
  spawnSync(process.execPath, [main, ...args], { cwd: root, env, stdio: ['ignore', 2, 2] }).status;

let launch;
let id;
let over = false;

async function end(code) {
  if (over) return;
  over = true;
  launch?.kill('SIGINT');
  if (check) {
    if (id) hpcbinder('stop', id);
    hpcbinder('devcluster', 'down', '--name', CLUSTER);
  } else {
    process.stderr.write('\nThe devcluster still runs, for the next demo: npm run demo -- --down ends it.\n');
  }
  process.exit(code);
}

if (process.argv.includes('--down')) process.exit(hpcbinder('devcluster', 'down', '--name', CLUSTER));
process.on('SIGINT', () => void end(0));
process.on('SIGTERM', () => void end(0));

if (hpcbinder('devcluster', 'up', '--yes', '--name', CLUSTER) !== 0) process.exit(1);
launch = spawn(
  process.execPath,
  [main, 'launch', './examples/quickstart', '--partition', 'gpu', '--no-browser', '--yes'],
  // a group of its own: ctrl-C reaches this script alone, which passes it on once
  { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true },
);
launch.on('exit', (code) => void end(code ?? 1));
launch.stdout.on('data', (data) => {
  const url = /^http\S+$/m.exec(String(data))?.[0];
  if (!url) return;
  id = /hb-[a-z0-9]{10}/.exec(url)?.[0];
  const ready = check ? inBrowser(url) : Promise.resolve('');
  ready.then(
    (words) => {
      process.stderr.write(words);
      process.stdout.write(`READY ${url}\n`);
      if (check) void end(0);
    },
    (error) => {
      process.stderr.write(`the check failed: ${error.message}\n`);
      void end(1);
    },
  );
});

async function inBrowser(url) {
  const { ensureBrowser, launchBrowser, newNotebook, openLab } = await import('../test/browser.mjs');
  if (!ensureBrowser()) throw new Error('there is no Chromium here, and it could not be installed');
  const browser = await launchBrowser();
  try {
    const page = await openLab(browser, url);
    const title = await page.title();
    if (!/Jupyter/i.test(title)) throw new Error(`the page's title is "${title}"`);
    const run = await newNotebook(page);
    const host = await run('import socket; print(socket.gethostname())');
    if (host !== 'c2') throw new Error(`the kernel runs on "${host}", not on c2`);
    return `title     ${title}\nkernel    runs on ${host}\n`;
  } finally {
    await browser.close();
  }
}
