/** `admin sudoers`: prints the rule; with --install writes what it names. */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { HpcbinderError } from '../core/errors.ts';
import { quote } from '../core/shell.ts';
import { AS_USER } from '../transports/index.ts';
import { asUserList, sudoersRule } from './as-user-list.ts';

/** sudoers has signs of its own: none of them may come in by a name. */
const ACCOUNT = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;
const PATH = /^(?:\/[A-Za-z0-9_.+-]+)+$/;
const FOLDER = /^~?(?:\/(?:[A-Za-z0-9_.+-]+|\$USER))+$/;
const VARIABLE = /^([A-Z][A-Z0-9_]*)=([^\n\0]*)$/;
const SERVICE = 'hpcbinder';
const GROUP = 'hpcbinder-users';
const USUAL = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin', '/opt/slurm/bin', '/opt/pbs/bin'];

export type SudoersFlags = {
  service?: string;
  group?: string;
  program?: string;
  install?: boolean;
  folder?: readonly string[];
  command?: readonly string[];
  environment?: readonly string[];
  python?: string;
};

/** E-USAGE for names that a rule cannot hold, E-CONFIG where others than root could change what was written. */
export async function sudoers(flags: SudoersFlags): Promise<number> {
  const service = fits(ACCOUNT, '--service', flags.service ?? SERVICE);
  const group = fits(ACCOUNT, '--group', flags.group ?? GROUP);
  const program = fits(PATH, '--program', flags.program ?? AS_USER);
  const rule = sudoersRule({ service, group, program });
  if (flags.install) install(program, { ...flags, service, group });
  process.stdout.write(rule);
  return 0;
}

function install(program: string, flags: SudoersFlags & { service: string; group: string }): void {
  if (process.getuid?.() !== 0) {
    throw new HpcbinderError('E-USAGE', {
      message: 'only root can install the program that acts as users, for it must be root’s',
      hint: 'Run the same command as root. Without --install it prints the rule, as anybody.',
    });
  }
  const list = asUserList({
    service: flags.service,
    group: flags.group,
    folders: (flags.folder ?? []).map((each) => fits(FOLDER, '--folder', each)),
    commands: (flags.command ?? []).map((each) => fits(PATH, '--command', each)),
    environment: Object.fromEntries((flags.environment ?? []).map(variable)),
    ...(flags.python === undefined ? {} : { python: fits(PATH, '--python', flags.python) }),
    find: onPath,
  });
  const folder = dirname(program);
  for (let at = folder; at !== '/'; at = dirname(at)) if (existsSync(at)) rootsAlone(at);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  put(join(folder, 'programs.json'), `${JSON.stringify(list, undefined, 1)}\n`, 0o644);
  put(program, own('sudo/as-user.py'), 0o755);
  // for an endpoint on another machine: nothing starts it but a line of authorized_keys that names it
  put(join(folder, 'gate'), own('sudo/gate.py'), 0o755);
  put(join(folder, 'relay'), own('channels/relay.py'), 0o644);
  const rules = '/etc/sudoers.d/hpcbinder';
  // sudo reads no file there with a dot in its name: one that visudo does not take is never in force
  const next = `${rules}.new`;
  process.stderr.write(
    [
      `installed ${program} and ${join(folder, 'programs.json')}`,
      `commands  ${Object.keys(list.commands).join(' ')}`,
      'The rule follows. To put it in force once visudo has checked it:',
      `  hpcbinder admin sudoers${said({ ...flags, program })} > ${next} && visudo -cf ${next} && chmod 0440 ${next} && mv ${next} ${rules}`,
      `To undo: rm ${rules} ${[program, ...['programs.json', 'gate', 'relay'].map((name) => join(folder, name))].map(quote).join(' ')}`,
      '',
    ].join('\n'),
  );
}

function own(path: string): string {
  return readFileSync(new URL(`../transports/${path}`, import.meta.url), 'utf8');
}

function said({ service, group, program }: Record<'service' | 'group' | 'program', string>): string {
  return [
    service === SERVICE ? '' : ` --service ${quote(service)}`,
    group === GROUP ? '' : ` --group ${quote(group)}`,
    program === AS_USER ? '' : ` --program ${quote(program)}`,
  ].join('');
}

function put(path: string, text: string, mode: number): void {
  const beside = join(dirname(path), `.${basename(path)}.new`);
  writeFileSync(beside, text, { mode });
  // the umask may have taken bits of it
  chmodSync(beside, mode);
  renameSync(beside, path);
}

function rootsAlone(path: string): void {
  const { uid, mode } = lstatSync(path);
  if (uid === 0 && (mode & 0o022) === 0) return;
  throw new HpcbinderError('E-CONFIG', {
    message: `${path} is not root’s alone: others could put another program in the place of ours`,
    hint: 'Close it (chown root, chmod go-w), or choose another place with --program, for example /opt/hpcbinder/libexec/as-user.',
  });
}

function onPath(name: string): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), ...USUAL]
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return PATH.test(path);
      } catch {
        return false;
      }
    });
}

function variable(text: string): [string, string] {
  const [, name, value] = VARIABLE.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw new HpcbinderError('E-USAGE', { message: `--environment "${text}" is not NAME=VALUE` });
}

function fits(grammar: RegExp, flag: string, value: string): string {
  if (grammar.test(value) && !/(?:^|\/)\.\.?(?:\/|$)/.test(value)) return value;
  throw new HpcbinderError('E-USAGE', { message: `${flag} "${value}" is not taken: letters, digits and . _ - alone` });
}
