/** From a cluster's entry to its login, and `logout`: the end of those that are kept. */
import { join } from 'node:path';
import { type ClusterEntry, SSH_KEEP_S } from '../core/config.ts';
import type { Keeping, SshTarget, TransportOptions } from '../transports/index.ts';
import { loadConfig } from './config-file.ts';
import { ownPath, stateDir } from './paths.ts';

/** undefined: this machine. */
export async function sshTarget(entry: ClusterEntry): Promise<SshTarget | undefined> {
  if (entry.host === undefined) return undefined;
  const { parseSshTarget } = await import('../transports/index.ts');
  return {
    host: entry.host,
    ...(entry.user ? { user: entry.user } : {}),
    ...(entry.port ? { port: entry.port } : {}),
    ...(entry.identity_file ? { identityFile: ownPath(entry.identity_file) } : {}),
    ...(entry.known_hosts ? { knownHosts: ownPath(entry.known_hosts) } : {}),
    ...(entry.jump ? { jump: parseSshTarget(entry.jump) } : {}),
  };
}

/** The entry's own settings win over those of the file. */
export function sshSettings(entry: ClusterEntry): Pick<TransportOptions, 'ssh' | 'keeping'> {
  const settings = { ...loadConfig().ssh, ...entry.ssh };
  const keeping: Keeping = {
    directory: join(stateDir(), 'ssh'),
    keepS: settings.keep ?? SSH_KEEP_S,
    keeper: [process.execPath, process.argv[1] ?? '', '__keep'],
  };
  return { ssh: settings.transport ?? 'auto', keeping };
}
