/** The container engine of this machine, Docker or Podman, whichever answers. */
import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import type { Engine } from '../core/engine.ts';
import { HpcbinderError } from '../core/errors.ts';
import { addressInWords, type EngineAddress, engineAddresses, hostOf } from './sockets.ts';

export type FindEngineOptions = {
  /** a socket's path or a DOCKER_HOST; `none` hides every engine. Default: HPCBINDER_ENGINE */
  socket?: string;
  env?: Readonly<Record<string, string | undefined>>;
  home?: string;
};

/** E-ENGINE-NONE where nothing listens, E-ENGINE-RIGHTS where something does and this user may not ask it. */
export async function findEngine(options: FindEngineOptions = {}): Promise<Engine> {
  const env = options.env ?? process.env;
  const wanted = options.socket ?? env.HPCBINDER_ENGINE;
  if (wanted === 'none')
    throw none([], 'the container engine is switched off (HPCBINDER_ENGINE=none, or engine: none)');
  const named = wanted === undefined || wanted === '' ? env : { DOCKER_HOST: wanted };
  const addresses = engineAddresses(named, options.home ?? homedir(), process.platform);
  const tried: string[] = [];
  let forbidden: EngineAddress | undefined;
  for (const address of addresses) {
    if ('socketPath' in address && !existsSync(address.socketPath)) continue;
    try {
      return await open(address);
    } catch (error) {
      if (isForbidden(error)) forbidden ??= address;
      tried.push(`${addressInWords(address)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw forbidden === undefined ? none(tried) : rights(forbidden);
}

async function open(address: EngineAddress): Promise<Engine> {
  const [{ default: Docker }, { openEngine }] = await Promise.all([import('dockerode'), import('./docker.ts')]);
  return openEngine(new Docker(address), hostOf(address));
}

function isForbidden(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return code === 'EACCES' || code === 'EPERM';
}

function none(tried: readonly string[], why = 'no container engine answers on this machine'): HpcbinderError {
  return new HpcbinderError('E-ENGINE-NONE', {
    message: why,
    evidence: tried,
    hint: [
      'Without a Dockerfile the repository can be built on the cluster instead: hpcbinder launch --build-on cluster',
      'or install one here: Docker (https://docs.docker.com/engine/install/) or Podman (systemctl --user start podman.socket).',
    ].join('\n'),
  });
}

function rights(address: EngineAddress): HpcbinderError {
  const where = addressInWords(address);
  const group = where.includes('podman')
    ? 'systemctl --user enable --now podman.socket   (an engine of your own)'
    : `sudo usermod -aG docker ${userInfo().username} && newgrp docker   (members of that group are root on this machine)`;
  return new HpcbinderError('E-ENGINE-RIGHTS', {
    message: `there is a container engine at ${where}, and you may not use it`,
    hint: `${group}\nor build on the cluster instead: hpcbinder launch --build-on cluster`,
  });
}
