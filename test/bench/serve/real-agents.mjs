// Real agents: the program that a job runs (sessions/agent), each a process of its own on this machine, with what a launch writes
// for it. Only its container is none: the app is a small stand-in that echoes (test/sessions/fake-container).
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { agentSource, jobScript, pageScript } from '../../../dist/sessions/agent.js';

const FIXTURES = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'sessions', 'fake-container');

const running = new Set();

/** The ports at which they listen, in the sessions' order. */
export async function startAgents(sessions) {
  const ports = [];
  for (const session of sessions) ports.push(await startAgent(session));
  return ports;
}

/** How many of them are there still. */
export function agentsAlive() {
  return [...running].filter(({ job }) => job.exitCode === null && job.signalCode === null).length;
}

/** They end in order, and nothing of them is left. */
export async function stopAgents() {
  await Promise.all(
    [...running].map(async ({ job, directory, over }) => {
      job.kill('SIGTERM');
      await over;
      rmSync(directory, { recursive: true, force: true });
    }),
  );
  running.clear();
}

async function startAgent(session) {
  // short: a Unix socket's path ends at 108 bytes
  const directory = mkdtempSync(join(tmpdir(), 'hbb-'));
  writeFiles(directory, session);
  const job = spawn('/bin/sh', ['./job.sh'], {
    cwd: directory,
    env: { PATH: process.env.PATH, HOME: directory, SLURM_JOB_ID: session.jobId },
    stdio: 'ignore',
  });
  running.add({ job, directory, over: new Promise((resolve) => job.once('exit', resolve)) });
  const address = join(directory, 'address.json');
  for (const until = Date.now() + 60_000; !existsSync(address); await wait(50))
    if (job.exitCode !== null || Date.now() > until)
      throw new Error(
        `the agent of ${session.id} does not start: ${readFileSync(join(directory, 'agent.log'), 'utf8')}`,
      );
  return JSON.parse(readFileSync(address, 'utf8')).port;
}

function writeFiles(directory, { id, secrets, server }) {
  const save = (name, text, mode = 0o600) => writeFileSync(join(directory, name), text, { mode });
  const sif = Buffer.alloc(64);
  sif.write('#!/usr/bin/env run-singularity\n', 0);
  sif.write('SIF_MAGIC\0', 32);
  save('image.sif', sif);
  for (const folder of ['srv/repo', 'home/jovyan']) mkdirSync(join(directory, 'image', folder), { recursive: true });
  save('image/srv/repo/README.md', 'of the image\n');
  save('container', readFileSync(join(FIXTURES, 'container.sh')), 0o755);
  copyFileSync(join(FIXTURES, 'app.py'), join(directory, 'app.py'));
  save('app.json', '{}');
  save('job.json', JSON.stringify(parametersOf(directory, id, secrets, server)));
  save('agent.py', agentSource());
  save('job.sh', jobScript(), 0o700);
  save('page.js', pageScript());
  save('python', 'python3\n');
  save('prologue.sh', '');
}

function parametersOf(directory, session, { ca, appToken }, { cert, key }) {
  const none = { gpu: 'none', binds: [], env: [], allowed: [] };
  return {
    ...{
      schema: 1,
      session,
      product: 'hpcbinder/bench',
      tls: { ca, cert, key },
      app: { name: 'lab', token: appToken },
    },
    container: {
      ...none,
      ...{ command: join(directory, 'container'), flavor: 'apptainer', sif: join(directory, 'image.sif'), bytes: 64 },
    },
    entrypoint: [],
    work: {
      ...{ directory: join(directory, 'work'), content: null, git: null, id: 'image:1', short: 'image', fresh: false },
      ...{ imageHasContent: true, session, ended: [], exact: false },
    },
    limits: { idleSeconds: 86_400, walltimeSeconds: 86_400, warnSeconds: [] },
    ...{ internet: true, ports: [] },
  };
}
