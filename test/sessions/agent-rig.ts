/** A session directory and a real agent process in it; the container command is a named fake that runs a small app. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { AppName } from '../../core/apps.ts';
import { agentSource, jobScript, pageScript } from '../../sessions/agent.ts';
import { makeCertificates, type SessionCertificates } from '../../sessions/certificates.ts';
import type { ClientSecrets } from '../../sessions/control.ts';
import type { JobParameters } from '../../sessions/parameters.ts';

export const SESSION = 'hb-abcdefghij';
export const TOKEN = 'a'.repeat(64);
const FIXTURES = join(import.meta.dirname, 'fake-container');

export type Rig = {
  dir: string;
  process: ChildProcess;
  certificates: SessionCertificates;
  secrets: ClientSecrets;
  address: { host: string; port: number; jobId: string; startedAt: number; endsAt: number };
  connect: () => Promise<Socket>;
  exited: Promise<number | null>;
  file: (name: string) => string;
  json: (name: string) => Record<string, unknown>;
  stop: () => Promise<void>;
};

export type Changes = {
  limits?: Partial<JobParameters['limits']>;
  container?: Partial<JobParameters['container']>;
  env?: Record<string, string>;
  /** what the app does, read by the fake app */
  app?: Record<string, unknown>;
  /** which app; of those of R the image has `programs`, fakes of them */
  kind?: AppName;
  base?: string;
  programs?: readonly ('R' | 'Rscript' | 'rserver' | 'rsession')[];
  python?: string;
  /** other values of the agent's own constants, so that a wait is short or a limit is near */
  constants?: Readonly<Record<string, number>>;
};

/** As the login node finds it: whole. */
export function pythonPath(): string {
  const places = (process.env.PATH ?? '').split(':').map((place) => join(place, 'python3'));
  return places.find((path) => existsSync(path)) ?? 'python3';
}

let certificates: Promise<SessionCertificates> | undefined;

export function rigCertificates(): Promise<SessionCertificates> {
  certificates ??= makeCertificates(SESSION, 86_400);
  return certificates;
}

function agentWith(constants: Readonly<Record<string, number>>): string {
  let source = agentSource();
  for (const [name, value] of Object.entries(constants)) {
    const line = new RegExp(`^${name} = [0-9.]+$`, 'gm');
    if (source.match(line)?.length !== 1) throw new Error(`the agent has no single constant ${name}`);
    source = source.replace(line, `${name} = ${value}`);
  }
  return source;
}

/** The files that the CLI writes, in a 0700 directory. */
export async function sessionDirectory(changes: Changes = {}): Promise<string> {
  const made = await rigCertificates();
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'hbs-')));
  const sif = join(dir, 'image.sif');
  const header = Buffer.alloc(64);
  header.write('#!/usr/bin/env run-singularity\n', 0);
  header.write('SIF_MAGIC\0', 32);
  writeFileSync(sif, header);
  mkdirSync(join(dir, 'image', 'srv', 'repo'), { recursive: true });
  mkdirSync(join(dir, 'image', 'home', 'jovyan', '.config'), { recursive: true });
  writeFileSync(join(dir, 'image', 'srv', 'repo', 'README.md'), 'of the image\n');
  writeFileSync(join(dir, 'image', 'home', 'jovyan', '.config', 'kernel.json'), '{}');
  const command = join(dir, 'container');
  writeFileSync(command, readFileSync(join(FIXTURES, 'container.sh')));
  chmodSync(command, 0o755);
  writeFileSync(join(dir, 'app.py'), readFileSync(join(FIXTURES, 'app.py')));
  writeFileSync(join(dir, 'app.json'), JSON.stringify(changes.app ?? {}));
  if (changes.programs) fakeImage(join(dir, 'bin'), changes.programs);
  const plain = { gpu: 'none', binds: [], env: [], allowed: [] } as const;
  const parameters: JobParameters = {
    schema: 1,
    session: SESSION,
    product: 'hpcbinder test',
    tls: { ca: made.ca, cert: made.server.cert, key: made.server.key },
    app: { name: changes.kind ?? 'lab', token: TOKEN, ...(changes.base ? { base: changes.base } : {}) },
    container: { ...plain, command, flavor: 'apptainer', sif, bytes: 64, ...changes.container },
    entrypoint: [],
    work: {
      directory: join(dir, 'work'),
      content: null,
      git: null,
      id: 'image:1',
      short: 'image',
      fresh: false,
      imageHasContent: true,
      session: SESSION,
      ended: [],
      exact: false,
    },
    limits: { idleSeconds: 3600, walltimeSeconds: 3600, warnSeconds: [], ...changes.limits },
    internet: true,
    ports: [],
  };
  writeFileSync(join(dir, 'job.json'), JSON.stringify(parameters), { mode: 0o600 });
  writeFileSync(join(dir, 'agent.py'), agentWith(changes.constants ?? {}), { mode: 0o600 });
  writeFileSync(join(dir, 'job.sh'), jobScript(), { mode: 0o700 });
  writeFileSync(join(dir, 'page.js'), pageScript(), { mode: 0o600 });
  writeFileSync(join(dir, 'python'), `${changes.python ?? pythonPath()}\n`);
  writeFileSync(join(dir, 'prologue.sh'), '');
  return dir;
}

/** What a start script finds in its PATH: the tools that it uses, and fakes of R's programs. */
function fakeImage(bin: string, programs: readonly string[]): void {
  mkdirSync(bin);
  for (const tool of ['cat', 'grep', 'head', 'id'])
    symlinkSync(execFileSync('/bin/sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(), join(bin, tool));
  const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
  const source = `#!${python}\n${readFileSync(join(FIXTURES, 'programs.py'), 'utf8')}`;
  for (const name of programs) writeFileSync(join(bin, name), source, { mode: 0o755 });
}

export function startJob(dir: string, changes: Changes = {}): ChildProcess {
  return spawn('/bin/sh', ['./job.sh'], {
    cwd: dir,
    env: { PATH: process.env.PATH, HOME: dir, SLURM_JOB_ID: '4711', ...changes.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Until the app answers; the whole job where it ended before. */
export async function startSession(changes: Changes = {}): Promise<Rig> {
  const dir = await sessionDirectory(changes);
  const job = startJob(dir, changes);
  let output = '';
  job.stdout?.on('data', (data) => {
    output += data;
  });
  job.stderr?.on('data', (data) => {
    output += data;
  });
  const exited = new Promise<number | null>((resolve) => job.once('exit', (code) => resolve(code)));
  const file = (name: string) => (existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : '');
  const json = (name: string) => JSON.parse(file(name) || '{}') as Record<string, unknown>;
  for (let n = 0; !existsSync(join(dir, 'address.json')); n++) {
    if (n > 300 || job.exitCode !== null)
      throw new Error(`no address: ${output}${file('agent.log')}${file('app.log')}${file('end.json')}`);
    await wait(50);
  }
  const made = await rigCertificates();
  const address = json('address.json') as Rig['address'];
  return {
    dir,
    process: job,
    certificates: made,
    secrets: { ca: made.ca, clientCert: made.client.cert, clientKey: made.client.key },
    address,
    connect: () => socketTo(address.port),
    exited,
    file,
    json,
    async stop() {
      job.kill('SIGTERM');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The port of a session whose agent came again. */
export function socketTo(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

export async function eventually(what: () => boolean, ms = 10_000): Promise<void> {
  const until = Date.now() + ms;
  while (!what()) {
    if (Date.now() > until) throw new Error(`not within ${ms} ms: ${what}`);
    await wait(20);
  }
}
