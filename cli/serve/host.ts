/** `serve --check`: does this machine have what the endpoint assumes of it (sessions/doctor/assumptions.ts)? Nothing is changed, no scheduler is asked. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, lstatSync, statfsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { size } from '../../core/units.ts';
import { roomHere, tooLittle } from '../../server/endpoint/room.ts';
import type { Policy } from '../../server/policy/index.ts';
import { networkDisk } from '../../server/state/disk.ts';
import { type Finding, Findings } from '../../sessions/doctor/finding.ts';
import { AS_USER } from '../../transports/index.ts';

const PYTHON = '/usr/bin/python3';
const MS = 10_000;
const LEAST_STATE_BYTES = 1e9;
/** One of the two: what is asked and submitted with. */
const SCHEDULERS = [
  ['sbatch', 'squeue', 'scancel', 'sinfo', 'scontrol'],
  ['qsub', 'qstat', 'qdel', 'pbsnodes'],
];
const USUAL = ['/usr/local/bin', '/usr/bin', '/bin', '/opt/slurm/bin', '/opt/pbs/bin'];

export type Host = {
  /** exit 0: what it printed */
  run(program: string, args: readonly string[]): string | undefined;
  /** of the path itself, never of what a link leads to */
  owned(path: string): { root: boolean; closed: boolean } | undefined;
  has(command: string): boolean;
  uid: number;
};

export function lookAtHost(policy: Policy, host: Host = THIS): Finding[] {
  const found = new Findings('endpoint');
  const isHere = [...policy.clusters.values()].some(({ host: elsewhere }) => elsewhere === undefined);
  if (policy.actAs === 'sudo' && isHere) {
    judgePython(found, host);
    judgeSudo(found, host);
  }
  judgeScheduler(found, policy, host);
  judgeState(found, policy);
  const little = tooLittle(roomHere(), policy.limits.sessions);
  for (const words of little)
    found.warning('room', `${capital(words)}.`, 'New work is refused before all sessions are there.', '');
  if (little.length === 0) found.fine('room', 'open files and memory');
  judgeClock(found, host);
  return found.all;
}

function judgePython(found: Findings, host: Host): void {
  const said = host.run(PYTHON, ['-I', '-c', 'import sys; print("%d.%d" % sys.version_info[:2])'])?.trim();
  const [major = 0, minor = 0] = (said ?? '').split('.').map(Number);
  if (major > 3 || (major === 3 && minor >= 6)) found.fine('python', `Python ${said}`);
  else
    found.broken(
      'python',
      said ? `${PYTHON} is Python ${said}.` : `There is no Python at ${PYTHON}.`,
      'Nothing can be done as a user.',
      'Install Python 3.6 or newer there.',
    );
}

function judgeSudo(found: Findings, host: Host): void {
  if (!host.has('sudo')) {
    found.broken('sudo', 'There is no sudo.', 'Nothing can be done as a user.', 'Install sudo 1.8 or newer.');
    return;
  }
  const folder = dirname(AS_USER);
  const files = [AS_USER, join(folder, 'programs.json')];
  const absent = files.filter((path) => host.owned(path) === undefined);
  const open = [...files, folder].filter((path) => {
    const owned = host.owned(path);
    return owned !== undefined && !(owned.root && owned.closed);
  });
  const mend = 'As root: hpcbinder admin sudoers --install';
  if (absent.length > 0)
    found.broken('program', `${absent.join(', ')} is not there.`, 'Nothing can be done as a user.', mend);
  else if (open.length > 0)
    found.broken('program', `${open.join(', ')} is not root's alone.`, 'The program refuses to run.', mend);
  else found.fine('program', 'the program that acts as users');
  judgeRule(found, host);
}

function judgeRule(found: Findings, host: Host): void {
  // what root may do by sudo says nothing of the service
  const rules = host.uid === 0 ? undefined : (host.run('sudo', ['-n', '-l']) ?? '').split('\n');
  if (rules === undefined)
    found.note(
      'rule',
      'The sudo rule was not looked at, for this is root.',
      undefined,
      'As the service: sudo -u hpcbinder hpcbinder serve --check',
    );
  else if (rules.some((line) => line.includes(`${AS_USER} ""`))) found.fine('rule', 'the sudo rule');
  else
    found.broken(
      'rule',
      'This account has no sudo rule for the program that acts as users.',
      'Nothing can be done as a user.',
      'As root: hpcbinder admin sudoers prints it, and how to put it in force',
    );
}

function judgeScheduler(found: Findings, { clusters }: Policy, host: Host): void {
  const here = [...clusters].filter(([, { host: elsewhere }]) => elsewhere === undefined).map(([name]) => name);
  if (here.length === 0) return;
  const missing = SCHEDULERS.map((all) => all.filter((command) => !host.has(command)));
  const [least = []] = [...missing].sort((a, b) => a.length - b.length);
  const none = SCHEDULERS.every((all, at) => all.length === missing[at]?.length);
  if (least.length === 0) found.fine('scheduler', "the scheduler's commands");
  else
    found.warning(
      'scheduler',
      `${here.join(', ')} is this machine's cluster, and ${none ? 'neither sbatch nor qsub' : `no ${least.join(', ')}`} is on PATH.`,
      'Unless a login shell or "path" of the cluster\'s entry has them, no job can be submitted.',
      'Name their directory: clusters: … path: [/opt/slurm/bin]',
    );
}

function judgeState(found: Findings, { stateDir }: Policy): void {
  let at = stateDir;
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at);
  const network = networkDisk(at);
  const { bavail, bsize } = statfsSync(at);
  const left = bavail * bsize;
  if (network !== undefined)
    found.broken(
      'state',
      `${stateDir} is on a network disk (${network}).`,
      'The endpoint does not start: SQLite loses data there.',
      'Name a directory of a local disk: state_dir: /var/lib/hpcbinder',
    );
  else if (left < LEAST_STATE_BYTES)
    found.warning(
      'state-room',
      `${stateDir} has ${size(left)} left.`,
      'Nothing new begins once it is full.',
      'Make room, or name a larger disk: state_dir',
    );
  else found.fine('state', `local disk, ${size(left)}`);
}

function judgeClock(found: Findings, host: Host): void {
  // absent where there is no systemd: then nothing is known, and nothing is said
  const said = host.run('timedatectl', ['show', '--property=NTPSynchronized', '--value'])?.trim();
  if (said === 'no')
    found.warning(
      'clock',
      'No time service keeps the clock of this machine.',
      'Sign-ins by OpenID Connect fail when it is wrong by a minute; logins and tokens end at another time.',
      'Start chrony or systemd-timesyncd.',
    );
  else if (said === 'yes') found.fine('clock', 'clock');
  else found.note('clock', 'Whether a time service keeps the clock is not known here.');
}

const capital = (text: string) => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;

const THIS: Host = {
  run(program, args) {
    const { status, stdout } = spawnSync(program, args, {
      encoding: 'utf8',
      timeout: MS,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
    });
    return status === 0 ? stdout : undefined;
  },
  owned(path) {
    try {
      const { uid, mode } = lstatSync(path);
      return { root: uid === 0, closed: (mode & 0o022) === 0 };
    } catch {
      return undefined;
    }
  },
  has: (command) =>
    [...(process.env.PATH ?? '').split(delimiter), ...USUAL].some((folder) => {
      try {
        accessSync(join(folder, command), constants.X_OK);
        return folder !== '';
      } catch {
        return false;
      }
    }),
  uid: process.getuid?.() ?? -1,
};
