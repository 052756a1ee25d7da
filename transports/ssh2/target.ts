/** Who is meant: what was typed, checked before anything else sees it (GIT-10, SSH-05). */
import { USER_NAME, USER_NAME_RULE } from '../../core/config.ts';
import { HpcbinderError } from '../../core/errors.ts';

export type SshTarget = {
  /** a host name, an address, or an alias of ~/.ssh/config */
  host: string;
  user?: string;
  port?: number;
  /** tried before the configured ones */
  identityFile?: string;
  /** read and appended instead of the configured known_hosts */
  knownHosts?: string;
  /** reached through this one; replaces the configured ProxyJump */
  jump?: SshTarget;
};

const HOST = /^[A-Za-z0-9._:][A-Za-z0-9._:-]*$/;

export function checkHost(host: string): string {
  if (HOST.test(host) && host.length <= 255) return host;
  throw new HpcbinderError('E-USAGE', {
    message: `"${host}" is no host name`,
    hint: 'Letters, digits, dot, colon, dash and underscore; not a dash first.',
  });
}

export function checkUser(user: string): string {
  if (USER_NAME.test(user)) return user;
  throw new HpcbinderError('E-USAGE', {
    message: `"${user}" is no user name for SSH`,
    hint: `It may have ${USER_NAME_RULE}.`,
  });
}

export function checkPort(port: number): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  throw new HpcbinderError('E-USAGE', { message: `${port} is no port`, hint: 'A port is 1 to 65535.' });
}

/** `[user@]host[:port]`, with an IPv6 address in brackets; also the form of one hop of ProxyJump. As in ssh the last @ counts. */
export function parseSshTarget(text: string): SshTarget {
  const match = /^(?:ssh:\/\/)?(?:(.*)@)?(?:\[([^\]]*)\]|([^:[\]]*))(?::([0-9]{1,5}))?$/.exec(text);
  const host = match?.[2] ?? match?.[3];
  if (!match || host === undefined) return { host: checkHost(text) };
  return {
    host: checkHost(host),
    ...(match[1] !== undefined ? { user: checkUser(match[1]) } : {}),
    ...(match[4] !== undefined ? { port: checkPort(Number(match[4])) } : {}),
  };
}
