/**
 * Who speaks SSH: ssh2, in this process, unless the system's OpenSSH alone can log in there, or a person must, whose login
 * it then keeps (DESIGN 8).
 */
import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Prompter } from '../core/transport.ts';
import type { Login } from './openssh/command-line.ts';
import type { Keeping } from './openssh/index.ts';
import { defaultConfigPath } from './ssh2/config.ts';
import { OnlyOpenssh } from './ssh2/only-openssh.ts';
import type { Wire } from './wire.ts';

export async function openSsh(
  wanted: Login,
  prompter: Prompter | undefined,
  which: 'auto' | 'ssh2' | 'openssh',
  keeping: Keeping,
): Promise<Wire> {
  const login = sameHome(wanted);
  const byOpenssh = async () => {
    const { openOpensshWire } = await import('./openssh/index.ts');
    return openOpensshWire(login, prompter, keeping);
  };
  const able = which !== 'ssh2' && (await opensshIsHere());
  const keeps = able && keeping.keepS > 0 && keeping.keeper !== undefined;
  if (which === 'openssh' || (keeps && (await wasAttended(login, keeping)))) return byOpenssh();
  const { openSsh2Wire } = await import('./ssh2/index.ts');
  try {
    const openssh = keeps && prompter?.lend ? 'keeps' : 'can';
    return await openSsh2Wire(login.target, prompter, { config: login.sshConfig, ...(able ? { openssh } : {}) });
  } catch (error) {
    if (able && error instanceof OnlyOpenssh) return byOpenssh();
    throw error;
  }
}

/** OpenSSH takes the home directory of the password file; whoever sets HOME means that one's configuration. */
function sameHome(login: Login): Login {
  const path = defaultConfigPath();
  const other = login.sshConfig === undefined && homedir() !== userInfo().homedir;
  return other && existsSync(path) ? { ...login, sshConfig: path } : login;
}

/** Its login is kept still, or needed a person the last time: no second connection to find that out again. */
async function wasAttended(login: Login, keeping: Keeping): Promise<boolean> {
  const { needsPerson, placeOf } = await import('./openssh/index.ts');
  try {
    return needsPerson(placeOf(login, keeping));
  } catch {
    // no place for sockets: said once OpenSSH is needed
    return false;
  }
}

async function opensshIsHere(): Promise<boolean> {
  const found = (process.env.PATH ?? '').split(delimiter).some((dir) => dir !== '' && existsSync(join(dir, 'ssh')));
  // optional: without a compiler it is not there
  return found && (await import('node-pty').then(() => true).catch(() => false));
}
