// What the parts of the bench stand on: an endpoint's state with sessions in it, and the processes on both sides.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../../../dist/core/canonical.js';
import { Codes, EndpointAccess } from '../../../dist/server/sign-in/index.js';
import { writeSessionCookie } from '../../../dist/server/sign-in/session-cookie.js';
import { State } from '../../../dist/server/state/index.js';
import { agentName, makeCertificates } from '../../../dist/sessions/certificates.js';

const HERE = dirname(fileURLToPath(import.meta.url));
const ALICE = { account: 'alice', shown: 'alice', roles: ['user'] };
const DAY = 86_400;
/** where the scheduler has all jobs; it is this machine */
const NODE = 'c1';

/**
 * A policy and a state with sessions of alice that are ready, and alice signed in: what a real endpoint would have written.
 * `agentsOf`: the agents' ports, for the sessions as they are.
 */
export async function makeState(directory, count, agentsOf) {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const port = await freePort();
  const secret = join(directory, 'secret');
  writeFileSync(secret, randomBytes(32).toString('base64url'), { mode: 0o600 });
  const policy = `url: http://localhost:${port}/
listen: 127.0.0.1:${port}
sign_in: {header: {name: X-Remote-User, from: [127.0.0.1], secret: {header: X-Proxy-Secret, file: ${secret}}}}
accounts: {map: {alice: alice}}
clusters: {campus: {}}
`;
  writeFileSync(join(directory, 'serve.yaml'), policy, { mode: 0o600 });
  const login = sha256(randomBytes(32).toString('base64url'));
  const sessions = [];
  for (let n = 0; n < count; n++) sessions.push(await makeSession(n, port, login));
  const made = { directory, port, sessions };
  writeFileSync(join(directory, 'sessions.json'), JSON.stringify(made), { mode: 0o600 });
  const ports = await agentsOf(made);
  const state = State.open(join(directory, 'state'));
  try {
    const expires = new Date(Date.now() + DAY * 1000).toISOString();
    state.logins.create(ALICE, { id: login, xsrf: randomBytes(32).toString('base64url'), expires, from: '127.0.0.1' });
    sessions.forEach((session, n) => {
      state.saveSession(recordOf(session, ports[n] ?? ports.at(-1)), { account: ALICE.account });
    });
  } finally {
    state.close();
  }
  return made;
}

async function makeSession(n, port, login) {
  const id = `hb-${n.toString(36).padStart(10, '0')}`;
  const { ca, server, client } = await makeCertificates(id, DAY);
  const [cookieKey, appToken] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
  const secrets = { ca, clientCert: client.cert, clientKey: client.key, appToken, cookieKey };
  const [host, cookie] = [`${id}.localhost:${port}`, cookieOf(id, cookieKey, login)];
  return { id, host, name: agentName(id), jobId: String(1000 + n), cookie, secrets, server };
}

/** How many sessions the state has that are not over. */
export function sessionsAlive(directory) {
  const state = State.open(join(directory, 'state'));
  try {
    return [...state.sessions({ live: true })].filter(({ record }) => record.phase === 'ready').length;
  } finally {
    state.close();
  }
}

function recordOf({ id, secrets, jobId }, port) {
  const now = Math.floor(Date.now() / 1000);
  return {
    schema: 1,
    id,
    cluster: 'campus',
    createdAt: new Date().toISOString(),
    phase: 'ready',
    repo: { shown: 'org/repo', url: 'https://github.com/org/repo', commit: '4f1c2ab'.padEnd(40, '0') },
    key: 'a'.repeat(32),
    sif: '/scratch/alice/hpcbinder/images/a.sif',
    directory: `/home/alice/.local/state/hpcbinder/sessions/${id}`,
    workDirectory: '/home/alice/hpcbinder/github.com/org/repo',
    app: 'lab',
    request: { partition: 'gpu', cpus: 2, memoryMb: 8192, seconds: 7200, gpus: 1, extra: [] },
    limits: { idleSeconds: 3600 },
    jobId,
    job: { state: 'running', raw: 'RUNNING', nodes: [NODE], endsAt: now + DAY },
    address: { host: NODE, port, startedAt: now, endsAt: now + DAY },
    secrets,
  };
}

/** As the endpoint gives it for a code; that the login is alive and the owner's is asked with each request. */
function cookieOf(session, cookieKey, login) {
  const nobody = { login: () => undefined, alive: () => false, codes: new Codes() };
  const access = new EndpointAccess({ session, owner: ALICE.account, cookieKey, path: '/', secure: false, ...nobody });
  const claim = { account: ALICE.account, login, expires: Math.floor(Date.now() / 1000) + DAY };
  return `${access.cookieName}=${writeSessionCookie(claim, session, cookieKey)}`;
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const running = new Set();

/** A process that listens on `port`; `stop` waits for its end. */
export async function start(command, args, port, signal = 'SIGTERM') {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  running.add(child);
  const over = new Promise((resolve) => child.once('exit', resolve)).then(() => running.delete(child));
  let failed = false;
  child.once('error', () => {
    failed = true;
  });
  for (const until = Date.now() + 60_000; !(await accepts(port)); await wait(20))
    if (failed || child.exitCode !== null || Date.now() > until)
      throw new Error(`${command} ${args[0]} does not listen`);
  const stop = async (how = signal) => {
    child.kill(how);
    await over;
  };
  return { pid: child.pid, port, stop };
}

/** One of the programs beside this file. */
export function startOwn(name, args, port, flags = []) {
  return start(process.execPath, [...flags, join(HERE, name), ...args.map(String)], port);
}

export async function stopAll() {
  // nginx, killed, would leave its workers
  for (const child of running) child.kill('SIGTERM');
  for (const until = Date.now() + 3_000; running.size > 0 && Date.now() < until; ) await wait(20);
  for (const child of running) child.kill('SIGKILL');
  while (running.size > 0) await wait(20);
}

export function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (yes) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}

/** Processor time of a process and of its children so far, in milliseconds. */
export function cpuOf(pid) {
  const own = (each) => {
    const fields = readFileSync(`/proc/${each}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  };
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return [pid, ...children].reduce((sum, each) => sum + own(each), 0);
}

/** KiB in memory that are the process's alone. */
export function memoryOf(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/Private_Dirty:\s+([0-9]+)/.exec(text)[1]);
}

export function descriptorsOf(pid) {
  return readdirSync(`/proc/${pid}/fd`).length;
}
