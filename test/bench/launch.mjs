// Warm launch, from the command to the first 200 of JupyterLab's page through the proxy, against the control script.
import { spawn } from 'node:child_process';
import { createServer, get } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sshWords } from './cluster.mjs';
import { median } from './report.mjs';

const CONTROL = join(dirname(fileURLToPath(import.meta.url)), 'control.sh');
const MOST = 1.25;
const MOST_SECONDS = 2.0;
const TIMEOUT_MS = 120_000;

export async function launch({ rounds, main, repo, cluster, entry, sif, quiet }) {
  const ours = [];
  const theirs = [];
  await quiet();
  await warm({ main, repo, cluster }); // content and SIF are there from now on
  for (let round = 0; round < rounds; round++) {
    await quiet();
    ours.push(await warm({ main, repo, cluster }));
    await quiet();
    theirs.push(await control([sif, String(await freePort()), ...sshWords(entry)]));
    process.stderr.write(`  ${round + 1}: ${ours.at(-1).toFixed(2)} · ${theirs.at(-1).toFixed(2)} s\n`);
  }
  await quiet();
  const ratio = median(ours) / median(theirs);
  const more = median(ours) - median(theirs);
  return {
    title: 'Warm launch',
    about:
      'From the command to the first 200 of JupyterLab’s page through the proxy, image and content on the cluster already, against [test/bench/control.sh](../test/bench/control.sh): ssh, sbatch, `apptainer exec … jupyter lab` on the same image with the same request, a tunnel, curl each 100 ms.',
    rows: [
      {
        what: `to the first page (${more >= 0 ? '+' : '−'}${Math.abs(more).toFixed(2)} s)`,
        ...{ ours, theirs, unit: 's', ratio },
        limit: `at most ${MOST} ×, or ${MOST_SECONDS.toFixed(1)} s more`,
        met: ratio <= MOST || more <= MOST_SECONDS,
      },
    ],
  };
}

/** Seconds to the page. The browser's end stays open for `attendMs` more; `stop: false` leaves the job. */
export async function warm({ main, repo, cluster, env = process.env, attendMs = 0, stop = true }) {
  const words = [main, 'launch', repo, '--cluster', cluster, '--partition', 'gpu', '--time', '5m', '--mem', '8G'];
  const began = performance.now();
  const child = spawn(process.execPath, [...words, '--json'], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const ready = await firstLine(child, (line) => line.startsWith('{"type":"ready"'));
  const { id, url } = JSON.parse(ready);
  await page(new URL(url));
  const seconds = (performance.now() - began) / 1000;
  await new Promise((resolve) => setTimeout(resolve, attendMs));
  child.kill('SIGINT');
  await ended(child);
  if (stop) await ended(spawn(process.execPath, [main, 'stop', id], { stdio: 'ignore', env }));
  return seconds;
}

async function control(words) {
  const began = performance.now();
  const child = spawn(CONTROL, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  await firstLine(child, (line) => line === '200');
  const seconds = (performance.now() - began) / 1000;
  await ended(child);
  return seconds;
}

/** The link's code becomes a cookie, as in a browser, and the page is asked for until it is there. */
async function page(link) {
  const entered = await request(link, {});
  const cookie = entered.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  const until = Date.now() + TIMEOUT_MS;
  for (let at = new URL('/lab', link); Date.now() < until; ) {
    const answer = await request(at, { cookie });
    if (answer.statusCode === 200) return;
    if (answer.headers.location) at = new URL(answer.headers.location, link);
    else await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('no page within the time');
}

/** `NAME.localhost` is for browsers; here it is the loopback address. */
function request(url, headers) {
  const to = { host: '127.0.0.1', port: url.port, path: `${url.pathname}${url.search}`, agent: false };
  return new Promise((resolve, reject) => {
    get({ ...to, headers: { ...headers, host: url.host } }, (answer) => {
      answer.resume().on('end', () => resolve(answer));
    }).on('error', reject);
  });
}

function firstLine(child, fits) {
  return new Promise((resolve, reject) => {
    let rest = '';
    let said = '';
    const timer = setTimeout(() => child.kill('SIGTERM'), TIMEOUT_MS);
    child.stderr.on('data', (data) => {
      said = (said + data).slice(-4000);
    });
    child.stdout.on('data', (data) => {
      const lines = (rest + data).split('\n');
      rest = lines.pop();
      const found = lines.find(fits);
      if (found !== undefined) {
        clearTimeout(timer);
        resolve(found);
      }
    });
    child.on('close', (code) => reject(new Error(`ended with ${code} before the page was there\n${said}`)));
  });
}

function ended(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve();
    child.on('close', resolve);
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
