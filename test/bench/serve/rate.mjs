// Requests: ours through the whole chain and before a plain upstream, configurable-http-proxy, nginx; each round all of them in turn.
import { mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Access } from '../../../dist/server/access.js';
import { median } from '../report.mjs';
import { flood, paced, warm } from './load.mjs';
import { startRival } from './nginx.mjs';
import { inWords } from './profile.mjs';
import { cpuOf, freePort, start, startOwn } from './rig.mjs';

const SECONDS = 3;
const MOST_P99 = 1.25;

export async function rates({ rounds, made, app, session }) {
  const { directory } = made;
  const [first] = made.sessions;
  const rivalPorts = { plain: await freePort(), tls: await freePort() };
  const rival = await startRival(directory, rivalPorts, app, session);
  const theirs = await startTheirs(app.plain);
  const key = 'ab'.repeat(32);
  const port = await freePort();
  const plain = await startOwn('plain.mjs', [port, app.plain, key], port);
  const access = new Access('hb-0000000000', key);
  const plainHost = `hb-0000000000.localhost:${plain.port}`;
  const entered = access.enter(access.newCode(), `http://${plainHost}`, Date.now());
  const chain = await startOwn('endpoint.mjs', [directory, 'unwatched'], made.port);
  const sides = {
    app: { pid: undefined, to: { port: app.plain, host: 'app' } },
    theirs: { pid: theirs.pid, to: { port: theirs.port, host: 'app' } },
    plain: { pid: plain.pid, to: { port: plain.port, host: plainHost, cookie: entered.split(';', 1)[0] } },
    chain: { pid: chain.pid, to: { port: made.port, host: first.host, cookie: first.cookie } },
    nginx: { pid: rival.pid, to: { port: rivalPorts.plain, host: 'app' } },
    nginxTls: { pid: rival.pid, to: { port: rivalPorts.tls, host: 'app' } },
  };
  const empty = () => Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  const [rate, cost, late] = [empty(), empty(), empty()];
  for (const { to } of Object.values(sides)) await warm(to);
  for (let round = 0; round < rounds; round++) {
    for (const [name, { pid, to }] of Object.entries(sides)) {
      const before = pid ? cpuOf(pid) : 0;
      const { rate: each, count } = await flood(to, SECONDS);
      rate[name].push(each);
      if (pid) cost[name].push(((cpuOf(pid) - before) * 1000) / count);
    }
    for (const name of ['theirs', 'plain', 'chain', 'nginx']) late[name].push(await paced(sides[name].to, SECONDS));
    process.stderr.write(`requests, round ${round + 1}: ${line(rate)} per second\n`);
  }
  await chain.stop();
  const profiled = await profile(made, sides.chain.to);
  await Promise.all([plain.stop(), theirs.stop(), rival.stop()]);
  return { rows: rowsOf({ rate, cost, late }), notes: notesOf({ rate, cost, profiled }) };
}

function line(rate) {
  return Object.entries(rate)
    .map(([name, values]) => `${name} ${values.at(-1).toFixed(0)}`)
    .join(', ');
}

async function startTheirs(target) {
  const port = await freePort();
  const bin = join(dirname(createRequire(import.meta.url).resolve('configurable-http-proxy/package.json')), 'bin');
  const at = ['--ip', '127.0.0.1', '--port', port, '--api-ip', '127.0.0.1', '--api-port', await freePort()];
  const args = [join(bin, 'configurable-http-proxy'), ...at, '--default-target', `http://127.0.0.1:${target}`];
  return await start(process.execPath, [...args.map(String), '--log-level', 'error'], port);
}

/** A round of its own: a profile costs something. */
async function profile(made, to) {
  const directory = join(made.directory, 'profile');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const flags = ['--cpu-prof', `--cpu-prof-dir=${directory}`];
  const endpoint = await startOwn('endpoint.mjs', [made.directory, 'unwatched'], made.port, flags);
  await warm(to);
  await flood(to, SECONDS * 2);
  await endpoint.stop();
  return inWords(directory);
}

function rowsOf({ rate, cost, late }) {
  const row = (what, ours, theirs, unit, limit, met) => {
    const ratio = median(ours) / median(theirs);
    return { what, ours, theirs, unit, ratio, limit: limit ?? 'none', met: met ? met(ratio) : true };
  };
  return [
    row('requests, the whole chain', rate.chain, rate.theirs, '/s', 'at least 1.0 ×', (ratio) => ratio >= 1),
    row('requests, a plain upstream', rate.plain, rate.theirs, '/s', 'at least 1.25 ×', (ratio) => ratio >= 1.25),
    row(
      'p99 at 500 /s, the whole chain',
      late.chain,
      late.theirs,
      'ms',
      'at most 1.25 ×',
      (ratio) => ratio <= MOST_P99,
    ),
    row(
      'p99 at 500 /s, a plain upstream',
      late.plain,
      late.theirs,
      'ms',
      'at most 1.25 ×',
      (ratio) => ratio <= MOST_P99,
    ),
    row('processor time per request, the whole chain', cost.chain, cost.theirs, 'µs'),
    row('processor time per request, a plain upstream', cost.plain, cost.theirs, 'µs'),
    row('requests, a plain upstream, against nginx', rate.plain, rate.nginx, '/s'),
    row('requests, the whole chain, against nginx with the same mutual TLS', rate.chain, rate.nginxTls, '/s'),
    row('p99 at 500 /s, the whole chain, against nginx', late.chain, late.nginx, 'ms'),
  ];
}

function notesOf({ rate, cost, profiled }) {
  const of = (values) => median(values).toFixed(0);
  return [
    `autocannon reaches ${of(rate.app)} /s at the app itself, ${(median(rate.app) / median(rate.nginx)).toFixed(1)} × what it gets through nginx: it is not the limit of the others`,
    `between us and nginx: ${of(cost.nginxTls)} µs of processor time per request there, ${of(cost.chain)} here, where the profile of one more round has ${profiled}`,
  ];
}
