/** Judges what the login node said. Pure. */
import type { ClusterProfile } from '../../core/cluster.ts';
import type { StorageRule } from '../../core/site.ts';
import { duration, size } from '../../core/units.ts';
import { type Facts, oldContainer } from '../preflight.ts';
import { type Finding, Findings } from './finding.ts';
import type { Machine } from './look.ts';
import { judgeLimits, system } from './machine.ts';

export type LoginSeen = {
  profile: ClusterProfile;
  machine: Machine;
  /** room on disks and in quotas */
  facts?: Facts;
  /** what builds on the cluster have for other users' ids */
  ids?: { subuid: boolean; fakeroot: boolean };
  /** did sshd open a way through it? what it said where not; undefined: not tried, there is no SSH */
  forwarding?: 'yes' | 'relayed' | { said: string };
  storage: readonly StorageRule[];
  /** why a site file is not read */
  siteIgnored?: string;
};

const SLOW_MS = 2000;
/** An image of a few packages, and what the launch needs beside it; below the second nothing begins (sessions/preflight.ts). */
const ROOMY_BYTES = 5e9;
const LEAST_BYTES = { store: 150e6, other: 64e6 };

export function judgeLogin(seen: LoginSeen): Finding[] {
  const found = new Findings('login');
  const { profile, machine } = seen;
  judgeContainer(found, seen);
  if (machine.python) found.fine('python', `Python ${machine.python}`);
  found.fine('system', system(machine));
  judgeDirectories(found, seen);
  judgeRoom(found, seen);
  judgeStorage(found, seen);
  judgeBases(found, seen);
  judgeShell(found, machine);
  judgeLimits(found, machine, 'login');
  judgeForwarding(found, seen);
  if (seen.ids && !seen.ids.subuid && !seen.ids.fakeroot)
    found.note(
      'subuid',
      `/etc/subuid has no ids for ${profile.user}, and there is no fakeroot command.`,
      'A build on the cluster cannot install what needs other users (openssh-client, postfix); all else builds.',
      'Ask the site for a range in /etc/subuid and /etc/subgid, or build where there is a container engine.',
    );
  if (machine.internet.get('pypi.org') === 'no')
    found.note('internet', 'The login node does not reach the internet.', 'hpcbinder needs none there.');
  if (seen.siteIgnored !== undefined)
    found.warning(
      'site-file',
      `The site's file is not read: ${seen.siteIgnored}.`,
      'What the admins wrote for this cluster has no effect.',
      'Ask them to make it root’s, with mode 0644, in a directory of root’s.'.replaceAll('’', "'"),
    );
  return found.all;
}

function judgeContainer(found: Findings, { profile, machine }: LoginSeen): void {
  const { command, flavor } = profile.container;
  const old = oldContainer(profile, { version: machine.container ?? '' });
  if (machine.container === undefined)
    found.warning(
      'container',
      `${command} is not there on the login node.`,
      'Its version cannot be told before a job.',
      `Name the command in the cluster's entry: ${flavor}: /path/to/${flavor}`,
    );
  else if (old) found.broken('container', `${old.message}.`, 'No session starts.', old.hint ?? '');
  else found.fine('container', `${flavor === 'apptainer' ? 'Apptainer' : 'Singularity'} ${machine.container}`.trim());
}

function judgeDirectories(found: Findings, { profile, machine }: LoginSeen): void {
  const { imageStore, stateDir, workDir } = profile;
  const named = [
    ['image_store', imageStore],
    ['state_dir', stateDir],
    ['work_dir', workDir],
  ] as const;
  const closed = named.filter(([, path]) => machine.paths.get(path)?.there && !machine.paths.get(path)?.writable);
  if (closed.length > 0)
    found.broken(
      'directories',
      `You cannot write in ${closed.map(([, path]) => path).join(', ')}.`,
      'Images, records or work cannot be kept there: no launch begins.',
      `Change its mode, or name another place in the cluster's entry: ${closed.map(([key]) => key).join(', ')}`,
    );
  const open = named.filter(([, path]) => ((machine.paths.get(path)?.mode ?? 0) & 0o022) !== 0);
  if (open.length > 0)
    found.warning(
      'open-directories',
      `Others can write in ${open.map(([, path]) => path).join(', ')}.`,
      'They could put an image or a file of theirs in the place of yours; an image store like that is refused.',
      `chmod go-w ${open.map(([, path]) => path).join(' ')}`,
    );
  if (profile.scratch === undefined)
    found.note(
      'scratch',
      'No scratch directory of yours was found.',
      `Images lie in ${imageStore}, and count against that quota.`,
      "Name another place in the cluster's entry: image_store",
    );
}

function judgeRoom(found: Findings, { profile, facts }: LoginSeen): void {
  const places = [...new Set([profile.imageStore, profile.stateDir, profile.workDir])];
  const rows = places.flatMap((path) => {
    const room = facts?.room.get(path);
    return room === undefined ? [] : [{ path, ...room }];
  });
  const least = (path: string) => (path === profile.imageStore ? LEAST_BYTES.store : LEAST_BYTES.other);
  const said = (some: typeof rows) =>
    some
      .map(({ path, free, by }) => `${path} (${by === 'quota' ? 'your quota leaves' : 'the disk has'} ${size(free)})`)
      .join(', ');
  const mend =
    'hpcbinder images gc frees what can be made again; image_store, work_dir and state_dir name other places.';
  const none = rows.filter(({ path, free }) => free < least(path));
  const little = rows.filter(
    ({ path, free }) => path === profile.imageStore && free >= least(path) && free < ROOMY_BYTES,
  );
  if (none.length > 0) found.broken('room', `There is no room in ${said(none)}.`, 'A launch is refused.', mend);
  else if (little.length > 0)
    found.warning('room', `There is little room in ${said(little)}.`, 'A larger image does not fit.', mend);
  else if (rows[0]) found.fine('room', `${size(rows[0].free)} for images`);
}

function judgeStorage(found: Findings, { profile, storage }: LoginSeen): void {
  for (const { path, purgeSeconds } of storage) {
    if (purgeSeconds === undefined) {
      found.fine('storage', `${path} is kept`);
      continue;
    }
    const after = `Files in ${path} are removed by the site after ${duration(purgeSeconds)}`;
    if (within(profile.workDir, path))
      found.warning(
        'purge',
        `${after}, and your work lies there.`,
        'Notebooks that nobody opens for that long are lost.',
        "Name storage that is kept in the cluster's entry: work_dir",
      );
    else if (within(profile.imageStore, path))
      found.note('purge-images', `${after}.`, 'Images that were not used for that long are made again.');
  }
}

function within(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

function judgeBases(found: Findings, { profile, machine }: LoginSeen): void {
  const missing = [...profile.bases.values()]
    .flatMap(({ archive }) => (archive === undefined ? [] : [archive]))
    .filter((path) => machine.paths.get(path) !== undefined && !machine.paths.get(path)?.readable);
  if (missing.length > 0)
    found.warning(
      'bases',
      `The base image ${missing.join(', ')} is not there, or you may not read it.`,
      'Builds on the cluster that begin with it fail.',
      "Ask who wrote it into the cluster's entry (bases: archive), or take that line out.",
    );
}

function judgeShell(found: Findings, { shell }: Machine): void {
  if (shell === undefined) return;
  if (shell.noise !== '')
    found.note(
      'shell-noise',
      `Your start-up files print "${shell.noise.slice(0, 60)}" also where no person is.`,
      'hpcbinder skips it; scp, rsync and git break on it.',
      'Print only where [ -t 1 ] holds.',
    );
  if ((shell.ms ?? 0) >= SLOW_MS)
    found.warning(
      'shell-slow',
      `A shell on the login node takes ${duration((shell.ms ?? 0) / 1000)} to start.`,
      'Each connection and each new channel waits for that long.',
      'Look for what is slow in your start-up files: module load, conda init, a quota command.',
    );
}

function judgeForwarding(found: Findings, { forwarding, profile }: LoginSeen): void {
  if (forwarding === 'yes') found.fine('forwarding', 'port forwarding');
  else if (forwarding === 'relayed')
    found.warning(
      'forwarding',
      `sshd on ${profile.host} forwards no ports.`,
      'A process of yours on the login node carries the connections to sessions instead, all over one session of SSH.',
      'Ask the site for AllowTcpForwarding local.',
    );
  else if (forwarding !== undefined)
    found.broken(
      'forwarding',
      `sshd on ${profile.host} forwards no ports (${forwarding.said}).`,
      'The browser cannot reach a session through it.',
      'Ask the site for AllowTcpForwarding local, or use hpcbinder on the login node itself.',
    );
}
