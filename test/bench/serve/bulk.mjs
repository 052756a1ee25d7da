// One large body each way through the chain, and over the same mutual TLS with nothing in between: what the machine gives at that
// moment. Down: a file of the app; up: into the fake agents' sink.
import { once } from 'node:events';
import { truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { join } from 'node:path';
import { median } from '../report.mjs';
import { startOwn } from './rig.mjs';

const MB = 256;
const LEAST = 150;

export async function bulk({ rounds, made, app, agents }) {
  const file = join(made.directory, 'bulk');
  writeFileSync(file, '');
  truncateSync(file, MB * 1e6);
  const endpoint = await startOwn('endpoint.mjs', [made.directory, 'unwatched'], made.port);
  const [first, second] = made.sessions;
  const [down, up] = [
    { method: 'GET', ours: through(made.port, first), raw: straight(app.tls, first) },
    { method: 'POST', ours: through(made.port, second), raw: straight(agents.port, second) },
  ];
  const rates = [down, up].map(() => ({ ours: [], theirs: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const [n, { method, ours, raw }] of [down, up].entries()) {
      rates[n].ours.push(await timed(ours, method));
      rates[n].theirs.push(await timed(raw, method));
    }
    const line = rates.map(({ ours, theirs }) => `${ours.at(-1).toFixed(0)} of ${theirs.at(-1).toFixed(0)}`);
    process.stderr.write(`bulk, round ${round + 1}: down ${line[0]}, up ${line[1]} MB/s\n`);
  }
  await endpoint.stop();
  const row = (way, { ours, theirs }) => ({
    ...{ what: `${MB} MB ${way}: the whole chain, and the TLS alone`, ours, theirs, unit: 'MB/s' },
    ...{ ratio: median(ours) / median(theirs), limit: `at least ${LEAST} MB/s`, met: median(ours) >= LEAST },
  });
  return {
    rows: [row('down', rates[0]), row('up', rates[1])],
    notes: [
      `browser, endpoint and agent share the machine here; of the rounds the best had ${Math.max(...rates[0].ours).toFixed(0)} MB/s down and ${Math.max(...rates[1].ours).toFixed(0)} MB/s up`,
    ],
  };
}

function through(port, { host, cookie }) {
  return (how) => request({ ...how, port, headers: { ...how.headers, Host: host, Cookie: cookie } });
}

function straight(port, { name, secrets }) {
  const { ca, clientCert: cert, clientKey: key } = secrets;
  const tls = { ca, cert, key, servername: name, ALPNProtocols: ['http/1.1'], minVersion: 'TLSv1.2', agent: false };
  return (how) => requestTls({ ...how, ...tls, port });
}

/** MB/s, when all of it is there. */
async function timed(ask, method) {
  const began = performance.now();
  const headers = method === 'POST' ? { 'Content-Length': MB * 1e6 } : {};
  const req = ask({ host: '127.0.0.1', path: '/bulk', method, headers });
  const answered = once(req, 'response');
  if (method === 'POST') {
    const part = Buffer.alloc(1e6);
    for (let n = 0; n < MB; n++) if (!req.write(part)) await once(req, 'drain');
  }
  req.end();
  const [res] = await answered;
  let size = 0;
  let text = '';
  for await (const part of res) {
    size += part.length;
    if (method === 'POST' || res.statusCode !== 200) text += part;
  }
  if ((method === 'GET' ? size : Number(text)) !== MB * 1e6)
    throw new Error(`${method}: ${res.statusCode}, ${size} bytes ${text}`);
  return (MB * 1000) / (performance.now() - began);
}
