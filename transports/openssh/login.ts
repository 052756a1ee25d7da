/** The login itself: the system's ssh as a master that goes to the background once it is in. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { HpcbinderError } from '../../core/errors.ts';
import type { Prompter } from '../../core/transport.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { SILENT_MS, stillWaiting } from '../patient.ts';
import { type Login, masterWords } from './command-line.ts';
import { loginFault } from './faults.ts';

/** Without a person: no prompt, so nothing but machines is waited for. */
const UNATTENDED_MS = 60_000;
/** of what ssh says, for messages */
const KEPT = 65_536;
/** after our end the master lives on so long, should nobody have told it to end */
export const PERSIST_S = 15;
const CTRL_C = '\x03';

type Done = { code: number; said: string; typed: string };

/**
 * Resolves when the master listens on `socket`; `attended`: a person had to do something for it. With a person all that
 * ssh asks is asked in its own words, through a pseudo-terminal: passwords, codes, menus, a new host key, a PIN.
 * E-SSH-*, E-TOOL-NONE, E-CANCELLED.
 */
export async function logIn(
  login: Login,
  how: { socket: string; name: string; prompter: Prompter | undefined },
): Promise<{ attended: boolean }> {
  // of a master that was killed: ssh would not make its own over it
  rmSync(how.socket, { force: true });
  const lend = how.prompter?.lend;
  const words = masterWords(login, { socket: how.socket, person: lend !== undefined, persistS: PERSIST_S });
  const done = await (lend ? inTerminal(words, lend, how.name) : unattended(words));
  if (done.code === 0) return { attended: done.typed !== '' || /user presence|touch/i.test(done.said) };
  if (done.typed.includes(CTRL_C)) throw new HpcbinderError('E-CANCELLED', { message: 'cancelled' });
  if (done.code === 127) {
    throw new HpcbinderError('E-TOOL-NONE', {
      message: 'there is no ssh on this machine',
      hint: "Install OpenSSH's client, or take what is built in: ssh: {transport: ssh2} in the config.",
    });
  }
  throw loginFault(how.name, done.said, { person: lend !== undefined, host: login.target.host });
}

/**
 * In a pseudo-terminal of its own, which is tied to the person's. ssh ignores the hang-up: its terminal goes with the
 * process that logged in, a moment before the one in the background has left it.
 */
async function inTerminal(words: readonly string[], lend: NonNullable<Prompter['lend']>, name: string): Promise<Done> {
  const pty = (await import('node-pty')).default;
  const shell = ['-c', `trap '' HUP; exec ssh "$@"`, 'ssh', ...words];
  let typed = '';
  let said = '';
  let silence: NodeJS.Timeout | undefined;
  const terminal = lend((keys) => {
    typed = (typed + (keys.includes(CTRL_C) ? CTRL_C : 'x')).slice(-KEPT);
    child.write(keys);
    clearTimeout(silence);
    if (/[\r\n]/.test(keys)) silence = setTimeout(() => terminal.show(`${stillWaiting(name)}\r\n`), SILENT_MS);
  });
  const { rows, cols } = terminal;
  const child = pty.spawn('/bin/sh', shell, { name: 'xterm', rows, cols, env: process.env });
  try {
    const code = await new Promise<number>((resolve) => {
      child.onData((text) => {
        said = (said + text).slice(-KEPT);
        terminal.show(text);
        if (text.trim() !== '') clearTimeout(silence);
        // a master nobody can reach would stay in the foreground for ever
        if (/disabling multiplexing|unix_listener|ControlPath/.test(said)) child.kill('SIGKILL');
      });
      child.onExit(({ exitCode, signal }) => resolve(exitCode || (signal ? 255 : 0)));
    });
    return { code, said: stripVTControlCharacters(said).replaceAll('\r', ''), typed };
  } finally {
    clearTimeout(silence);
    terminal.end();
  }
}

/**
 * `detached`: without a terminal that anything could ask on. `-v`: with ControlPersist the words of a jump host's ssh, such
 * as its refusal, are left out without it (sshconnect.c, ssh_proxy_connect).
 */
async function unattended(words: readonly string[]): Promise<Done> {
  const child = spawn('ssh', ['-v', ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    env: process.env,
  });
  let said = '';
  child.stderr.on('data', (data) => {
    said = (said + String(data)).slice(-KEPT);
  });
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code) => resolve(code ?? 255));
  });
  const code = await within(UNATTENDED_MS, ended);
  if (code !== TIMED_OUT) {
    // its last words; a jump host's ssh, if any, goes on to hold the pipe
    if (code !== 0) await within(500, new Promise((resolve) => child.stderr.once('close', resolve)));
    child.stderr.destroy();
    return { code, said: withoutTalk(said), typed: '' };
  }
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  return { code: 255, said: `${withoutTalk(said)}\nConnection timed out after ${UNATTENDED_MS / 1000} s`, typed: '' };
}

function withoutTalk(said: string): string {
  return said.replace(/^(?:debug[123]:|OpenSSH_|Authenticat|Transferred:|Bytes per second).*\r?\n/gm, '');
}
