/** The words for the system's `ssh`: who is meant, and what it may not take from the user's configuration. Pure. */
import { checkHost, checkPort, checkUser, type SshTarget } from '../ssh2/target.ts';

export type Login = {
  target: SshTarget;
  /** the user's ssh configuration; ssh's own default where absent, '' for none */
  sshConfig?: string;
};

/** As ssh reads an option's value: in quotes, `%` doubled where it knows tokens. */
function value(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}

function jumpOf({ user, host, port }: SshTarget): string {
  const name = checkHost(host);
  const shown = name.includes(':') ? `[${name}]` : name;
  return `${user === undefined ? '' : `${checkUser(user)}@`}${shown}${port === undefined ? '' : `:${checkPort(port)}`}`;
}

function jumps(target: SshTarget): string[] {
  return target.jump ? [...jumps(target.jump), jumpOf(target.jump)] : [];
}

/** Host and what was given for it, the same for each ssh of this login. */
export function targetWords({ target, sshConfig }: Login): string[] {
  const ways = jumps(target);
  return [
    ...(sshConfig === undefined ? [] : ['-F', sshConfig === '' ? 'none' : sshConfig]),
    ...(target.user === undefined ? [] : ['-l', checkUser(target.user)]),
    ...(target.port === undefined ? [] : ['-p', String(checkPort(target.port))]),
    ...(target.identityFile === undefined ? [] : ['-o', `IdentityFile=${value(target.identityFile)}`]),
    ...(target.knownHosts === undefined ? [] : ['-o', `UserKnownHostsFile=${value(target.knownHosts)}`]),
    ...(ways.length === 0 ? [] : ['-J', ways.join(',')]),
    '--',
    checkHost(target.host),
  ];
}

/**
 * The master that logs in and goes to the background. What is not for us is switched off: agent and X11 forwarding, with
 * which root over there could use the user's keys (SECURITY SSH-04), forwardings, commands. An unknown host key is a
 * question or a refusal, whatever the configuration says, never a yes (SSH-01).
 */
export function masterWords(login: Login, how: { socket: string; person: boolean; persistS: number }): string[] {
  const options = [
    'ControlMaster=yes',
    `ControlPath=${value(how.socket)}`,
    `ControlPersist=${how.persistS}`,
    `BatchMode=${how.person ? 'no' : 'yes'}`,
    'StrictHostKeyChecking=ask',
    'ForwardAgent=no',
    'ForwardX11=no',
    'ClearAllForwardings=yes',
    'PermitLocalCommand=no',
    'RemoteCommand=none',
    'RequestTTY=no',
    'EscapeChar=none',
    'ConnectTimeout=20',
    'ServerAliveInterval=15',
    // three minutes: also as long as a login may wait for a person's phone; alive.ts is quicker
    'ServerAliveCountMax=12',
    'NumberOfPasswordPrompts=3',
    'LogLevel=INFO',
  ];
  return ['-N', ...options.flatMap((option) => ['-o', option]), ...targetWords(login)];
}
