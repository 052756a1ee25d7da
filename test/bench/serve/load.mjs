// Two loads: as many requests as 64 connections take (autocannon, a process of its own), and 500 a second whatever comes back.
import { execFile } from 'node:child_process';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const autocannon = createRequire(import.meta.url).resolve('autocannon/autocannon.js');

/** Requests per second that were answered 200; anything else ends the bench. `to`: {port, host, cookie}. */
export function flood(to, seconds) {
  return cannon(to, ['-d', String(seconds)]);
}

/** So many that V8 has compiled what it will: by time alone a busy machine would be measured in the interpreter. */
export async function warm(to) {
  await cannon(to, ['-a', '10000']);
}

async function cannon({ port, host, cookie }, much) {
  const headers = ['-H', `Host: ${host}`, ...(cookie ? ['-H', `Cookie: ${cookie}`] : [])];
  const args = [autocannon, '-j', '-n', '-c', '64', ...much, ...headers, `http://127.0.0.1:${port}/api`];
  const { stdout } = await run(process.execPath, args, { maxBuffer: 1 << 24 });
  const result = JSON.parse(stdout.slice(stdout.indexOf('{')));
  if (result.errors + result.timeouts + result.non2xx > 0 || result['2xx'] === 0)
    throw new Error(`${host}: ${result.errors} errors, ${result.non2xx} refused, ${result['2xx']} answered`);
  return { rate: result['2xx'] / result.duration, count: result['2xx'] };
}

/** The 99th percentile in ms, from the moment when each was due: who answers late does not have the next wait unseen. */
export async function paced({ port, host, cookie }, seconds, perSecond = 500) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const headers = { Host: host, ...(cookie ? { Cookie: cookie } : {}) };
  const took = [];
  const began = performance.now();
  let failed = 0;
  const ask = (due) =>
    new Promise((resolve) => {
      const req = request({ port, host: '127.0.0.1', path: '/api', headers, agent }, (res) => {
        if (res.statusCode !== 200) failed++;
        res.resume().once('end', () => resolve(took.push(performance.now() - due)));
      });
      req.once('error', () => resolve(failed++)).end();
    });
  const asked = [];
  for (let n = 0; n < seconds * perSecond; ) {
    const due = began + (n * 1000) / perSecond;
    if (performance.now() < due) {
      await wait(1);
      continue;
    }
    asked.push(ask(due));
    n++;
  }
  await Promise.all(asked);
  agent.destroy();
  if (failed > 0) throw new Error(`${host}: ${failed} of ${asked.length} paced requests failed`);
  return took.sort((a, b) => a - b)[Math.floor(took.length * 0.99)];
}
