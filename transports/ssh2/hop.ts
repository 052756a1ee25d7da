/** From what was typed and ~/.ssh/config to the chain of hosts that is really contacted. */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { HpcbinderError } from '../../core/errors.ts';
import { defaultConfigPath, hostConfig } from './config.ts';
import { checkHost, checkPort, checkUser, parseSshTarget, type SshTarget } from './target.ts';

export type Hop = {
  host: string;
  port: number;
  user: string;
  /** `user@host`, for messages */
  label: string;
  /** explicit ones first; the default ones where none is configured */
  identityFiles: readonly string[];
  /** they were named by the user, and go before the agent's other keys */
  identitiesNamed: boolean;
  /** only these keys, even where the agent has more */
  identitiesOnly: boolean;
  knownHosts?: readonly string[];
  hostKeyAlias?: string;
};

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
const MAX_HOPS = 8;

/** The first is contacted directly, the last is the cluster. E-CONFIG, E-USAGE. */
export function hopsTo(target: SshTarget, configPath: string = defaultConfigPath(), depth = 0): Hop[] {
  if (depth >= MAX_HOPS) {
    throw new HpcbinderError('E-CONFIG', {
      message: `more than ${MAX_HOPS} jumps to ${target.host}`,
      hint: 'ProxyJump in ~/.ssh/config goes in a circle.',
    });
  }
  const alias = checkHost(target.host);
  const config = hostConfig(configPath, alias, target.user === undefined ? {} : { user: target.user });
  const user = checkUser(target.user ?? config.user ?? userInfo().username);
  const host = checkHost(config.hostName);
  const configured = [...(target.identityFile ? [target.identityFile] : []), ...config.identityFiles];
  const knownHosts = target.knownHosts !== undefined ? [target.knownHosts] : config.knownHosts;
  const hop: Hop = {
    host,
    port: checkPort(target.port ?? config.port ?? 22),
    user,
    label: `${user}@${alias}`,
    identityFiles: configured.length > 0 ? configured : DEFAULT_KEYS.map((name) => join(homedir(), '.ssh', name)),
    identitiesNamed: configured.length > 0,
    identitiesOnly: config.identitiesOnly,
    ...(knownHosts ? { knownHosts } : {}),
    ...(config.hostKeyAlias !== undefined ? { hostKeyAlias: config.hostKeyAlias } : {}),
  };
  return [...jumpsOf(target, config.proxyJump, configPath, depth), hop];
}

/** In a list of jumps only the first one's own ProxyJump counts, as in ssh. */
function jumpsOf(target: SshTarget, proxyJump: string | undefined, configPath: string, depth: number): Hop[] {
  if (target.jump) return hopsTo(target.jump, configPath, depth + 1);
  return (proxyJump?.split(',') ?? []).flatMap((text, index) => {
    const hops = hopsTo(parseSshTarget(text), configPath, depth + 1);
    return index === 0 ? hops : hops.slice(-1);
  });
}
