/** The container engine: found, or started, or installed, or the exact commands to type. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { HpcbinderError } from '../core/errors.ts';
import { messageOf } from './faults.ts';
import { type Confirm, canInstall, type Host, installPackages, isInstalled, startDaemon } from './install.ts';
import { talking } from './patience.ts';

/** an engine that was killed looks after what it left first */
const START_MS = 90_000;
const INSTALL = 'sudo apt-get install -y docker.io && sudo systemctl start docker';

/** An engine that answers. E-ENGINE-RIGHTS, E-ENGINE-NONE or E-CONFIRM, each with what to type. */
export async function ensureEngine(how: Host): Promise<Docker> {
  const found = await findEngine();
  if (found.docker) return found.docker;
  if (found.forbidden) throw noRights(found.forbidden);
  // Who names an engine means that one: nothing is started or installed in its place.
  if (process.env.DOCKER_HOST) throw notThere(process.env.DOCKER_HOST);
  const installed = await isInstalled('dockerd');
  if (process.getuid?.() !== 0 || !(installed || (await canInstall()))) throw noEngine(installed);
  if (!installed) {
    await confirmed(how.confirm, 'There is no container engine here. Install docker.io with apt-get and start it?');
    await installPackages(how.stateDir, ['docker.io'], how.tell);
  }
  await startDaemon(how.stateDir, how.tell);
  const started = await talking(how.tell, 'starting', answering(START_MS));
  if (started) return started;
  throw noEngine(true);
}

/** An answer counts, not a socket: a killed engine leaves its socket behind. */
async function answering(ms: number): Promise<Docker | undefined> {
  for (const deadline = Date.now() + ms; Date.now() < deadline; await sleep(500)) {
    const { docker } = await findEngine();
    if (docker) return docker;
  }
  return undefined;
}

/** An engine that answers, with nothing started or installed for it. */
export async function requireEngine(): Promise<Docker> {
  const { docker, forbidden } = await findEngine();
  if (docker) return docker;
  if (forbidden) throw noRights(forbidden);
  throw process.env.DOCKER_HOST ? notThere(process.env.DOCKER_HOST) : noEngine(await isInstalled('dockerd'));
}

async function confirmed(confirm: Confirm, question: string): Promise<void> {
  if (await confirm(question)) return;
  throw new HpcbinderError('E-CONFIRM', { message: 'the devcluster needs a container engine', hint: INSTALL });
}

/** The first engine that answers on the sockets where Docker and Podman are found; or one that we may not use. */
async function findEngine(): Promise<{ docker?: Docker; forbidden?: string }> {
  const { default: Dockerode } = await import('dockerode');
  if (process.env.DOCKER_HOST) {
    const docker = new Dockerode();
    const error = await refusal(docker);
    return error === undefined ? { docker } : {};
  }
  let forbidden: string | undefined;
  for (const socketPath of socketPaths()) {
    if (!existsSync(socketPath)) continue;
    const docker = new Dockerode({ socketPath });
    const error = await refusal(docker);
    if (error === undefined) return { docker };
    if (/EACCES|EPERM/.test(error)) forbidden ??= socketPath;
  }
  return forbidden === undefined ? {} : { forbidden };
}

function socketPaths(): string[] {
  return [
    '/var/run/docker.sock',
    join(homedir(), '.docker/run/docker.sock'),
    join(homedir(), '.docker/desktop/docker.sock'),
    join(homedir(), '.colima/default/docker.sock'),
    '/run/podman/podman.sock',
  ];
}

async function refusal(docker: Docker): Promise<string | undefined> {
  const late = sleep(5000, 'no answer in 5 s', { ref: false });
  return Promise.race([docker.ping().then(() => undefined, messageOf), late]);
}

function noRights(socketPath: string): HpcbinderError {
  return new HpcbinderError('E-ENGINE-RIGHTS', {
    message: `there is a container engine at ${socketPath}, and you may not use it`,
    hint: 'sudo usermod -aG docker "$USER"    (then log in again)',
  });
}

function notThere(dockerHost: string): HpcbinderError {
  return new HpcbinderError('E-ENGINE-NONE', {
    message: `no container engine answers at ${dockerHost}`,
    hint: 'Start it, or unset DOCKER_HOST to use the engine of this machine.',
  });
}

function noEngine(installed: boolean): HpcbinderError {
  if (process.platform !== 'linux') {
    return new HpcbinderError('E-ENGINE-NONE', {
      message: 'no container engine answers on this machine',
      hint: 'Start Docker Desktop (https://docs.docker.com/desktop/) or colima, then run this again.',
    });
  }
  return new HpcbinderError('E-ENGINE-NONE', {
    message: installed ? 'the container engine is installed and does not run' : 'no container engine on this machine',
    hint: installed ? 'sudo systemctl start docker    (or, without systemd: sudo dockerd &)' : INSTALL,
  });
}
