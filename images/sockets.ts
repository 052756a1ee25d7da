/** Where engines listen: pure over environment, home and system, in the order of preference. */
import { join } from 'node:path';

export type EngineAddress = { socketPath: string } | { host: string; port: number; protocol: 'http' | 'https' };

/**
 * DOCKER_HOST alone where it is set, as the `docker` command has it; else the known places.
 * Rootless engines come before the system's: who set one up wants it.
 */
export function engineAddresses(
  env: Readonly<Record<string, string | undefined>>,
  home: string,
  system: NodeJS.Platform,
): EngineAddress[] {
  const named = env.DOCKER_HOST ?? env.CONTAINER_HOST;
  if (named !== undefined && named !== '') {
    const address = parse(named);
    return address === undefined ? [] : [address];
  }
  const runtime = env.XDG_RUNTIME_DIR;
  const rootless = runtime === undefined ? [] : [join(runtime, 'docker.sock')];
  const podman = runtime === undefined ? [] : [join(runtime, 'podman', 'podman.sock')];
  const mac =
    system === 'darwin'
      ? ['.docker/run/docker.sock', '.colima/default/docker.sock', '.orbstack/run/docker.sock', '.rd/docker.sock'].map(
          (path) => join(home, path),
        )
      : [];
  const paths = [...rootless, '/var/run/docker.sock', ...mac, ...podman, '/run/podman/podman.sock'];
  return paths.map((socketPath) => ({ socketPath }));
}

function parse(text: string): EngineAddress | undefined {
  if (text.startsWith('unix://')) return { socketPath: text.slice('unix://'.length) };
  if (text.startsWith('/')) return { socketPath: text };
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const protocol = url.protocol === 'https:' || url.port === '2376' ? 'https' : 'http';
  if (!['tcp:', 'http:', 'https:'].includes(url.protocol)) return undefined;
  return { host: url.hostname, port: Number(url.port || (protocol === 'https' ? 2376 : 2375)), protocol };
}

/** As DOCKER_HOST has it. */
export function hostOf(address: EngineAddress): string {
  return 'socketPath' in address ? `unix://${address.socketPath}` : `tcp://${address.host}:${address.port}`;
}

export function addressInWords(address: EngineAddress): string {
  return 'socketPath' in address ? address.socketPath : `${address.protocol}://${address.host}:${address.port}`;
}
