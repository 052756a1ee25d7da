/** Where commands run and bytes flow. Each implementation is a Wire; what is above it is written once. */
import type { Prompter } from '../core/transport.ts';
import { localWire } from './local.ts';
import type { Keeping } from './openssh/index.ts';
import { type ShellOptions, ShellTransport } from './shell-transport.ts';
import type { SshTarget } from './ssh2/target.ts';
import type { Wire } from './wire.ts';

export type { Keeping } from './openssh/index.ts';
export type { Setup } from './programs.ts';
export { type ShellOptions, ShellTransport } from './shell-transport.ts';
export { siteLogin } from './site-login.ts';
export { sshConfigHosts } from './ssh2/config.ts';
export { parseSshTarget, type SshTarget } from './ssh2/target.ts';
export { FarLogin } from './sudo/far.ts';
export { AS_USER, UserTransport, wayTo } from './sudo/index.ts';

export type TransportOptions = ShellOptions & {
  /** the user's ssh configuration; `~/.ssh/config` where absent, '' for none */
  sshConfig?: string;
  /** who speaks SSH; absent or `auto`: ssh2, and the system's OpenSSH for what it alone can do or keep (choice.ts) */
  ssh?: 'auto' | 'ssh2' | 'openssh';
  keeping?: Keeping;
};

/**
 * Opened and proved: a command can run there. Without a prompter nothing is asked, and what would need a person fails.
 * E-SSH-UNREACHABLE, E-SSH-HOSTKEY, E-SSH-AUTH, E-REMOTE-SHELL, E-CONFIG.
 */
export async function openTransport(
  target: SshTarget | 'local',
  prompter: Prompter | undefined,
  options: TransportOptions = {},
): Promise<ShellTransport> {
  const wire = target === 'local' ? localWire() : await sshWire(target, prompter, options);
  const transport = new ShellTransport(wire, options);
  try {
    return await transport.open();
  } catch (error) {
    await transport[Symbol.asyncDispose]();
    throw error;
  }
}

async function sshWire(target: SshTarget, prompter: Prompter | undefined, options: TransportOptions): Promise<Wire> {
  const { openSsh } = await import('./choice.ts');
  const { sshConfig, ssh = 'auto', keeping = { keepS: 0 } } = options;
  return openSsh({ target, ...(sshConfig === undefined ? {} : { sshConfig }) }, prompter, ssh, keeping);
}
