/**
 * What is assumed of login and compute nodes, as a list: `doctor` and `serve --check` say of each whether it holds, and
 * docs/doctor.md has the same rows (a test compares them).
 */
import type { Finding, Place } from './finding.ts';

export type For = 'launch' | 'endpoint';

export type Assumption = {
  /** never changes its meaning, for scripts */
  id: string;
  /** on which machine; `endpoint`: the login node that `hpcbinder serve` runs on */
  where: Exclude<Place, 'laptop'>;
  what: string;
  why: string;
  for: readonly For[];
  /** what the look finds about it; ids of findings */
  findings: readonly string[];
};

const BOTH = ['launch', 'endpoint'] as const;

export const ASSUMPTIONS: readonly Assumption[] = [
  {
    id: 'ssh',
    where: 'login',
    what: 'sshd lets you in, and forwards TCP or at least runs a relay of yours',
    why: 'The browser reaches a session through it.',
    for: ['launch'],
    findings: ['login.connection', 'login.forwarding'],
  },
  {
    id: 'shell',
    where: 'login',
    what: 'a POSIX `/bin/sh`; start-up files that come to an end, whatever they print',
    why: 'Each command is a program for it.',
    for: ['launch'],
    findings: ['login.shell', 'login.shell-noise', 'login.shell-slow'],
  },
  {
    id: 'python',
    where: 'login',
    what: 'Python 3.6 or newer with its standard library',
    why: 'Work, storage and audit are looked after by small programs of ours.',
    for: ['launch'],
    findings: ['login.python'],
  },
  {
    id: 'container',
    where: 'login',
    what: 'Apptainer, or SingularityCE 3.8 or newer: on PATH, in a login shell, by a module or named',
    why: 'Its path and flavour are found there, and used on the nodes.',
    for: BOTH,
    findings: ['login.container'],
  },
  {
    id: 'directories',
    where: 'login',
    what: 'directories of yours for images, records and work, closed to others',
    why: 'Records hold keys; whoever may write to an image is you.',
    for: BOTH,
    findings: ['login.directories', 'login.open-directories', 'login.purge'],
  },
  {
    id: 'room',
    where: 'login',
    what: '150 MB by disk and quota where images lie, 64 MB in the home; 5 GB for larger images',
    why: 'A launch that would not fit is refused before the queue.',
    for: BOTH,
    findings: ['login.room'],
  },
  {
    id: 'login-limits',
    where: 'login',
    what: '1024 open files and processes, 64 GB of address space',
    why: 'Builds, relays and Go programs need them.',
    for: ['launch'],
    findings: ['login.limits', 'login.limit-files', 'login.limit-processes', 'login.limit-memory'],
  },
  {
    id: 'scheduler',
    where: 'cluster',
    what: 'Slurm or PBS, with its commands for users, and a partition that takes jobs',
    why: 'Sessions are jobs, and nothing else of the scheduler is used.',
    for: BOTH,
    findings: ['login.scheduler', 'cluster.scheduler', 'cluster.partitions', 'cluster.default-partition'],
  },
  {
    id: 'node-container',
    where: 'node',
    what: 'the same container command and Python as on the login node',
    why: 'The job starts both.',
    for: BOTH,
    findings: ['node.container', 'node.container-version', 'node.python'],
  },
  {
    id: 'node-images',
    where: 'node',
    what: 'images run: by user namespaces or a setuid starter, mounted by the kernel or FUSE',
    why: 'A session is a container.',
    for: BOTH,
    findings: ['node.images', 'node.userns', 'node.fuse', 'node.compression'],
  },
  {
    id: 'node-shared',
    where: 'node',
    what: 'the same directories as on the login node, with changes seen within 30 s',
    why: 'Image, work and the address of a session go through files.',
    for: BOTH,
    findings: ['node.shared', 'node.share-delay', 'node.shared-disk', 'node.binds'],
  },
  {
    id: 'node-reach',
    where: 'node',
    what: 'one TCP port of the job that the login node reaches; else a step of the job or `ssh` to the node',
    why: 'The session is on the other side of it.',
    for: BOTH,
    findings: ['node.tunnel', 'node.ports'],
  },
  {
    id: 'node-tmp',
    where: 'node',
    what: '200 MB in `/tmp` or TMPDIR that the job may write',
    why: 'The socket of the app and what notebooks write lie there.',
    for: BOTH,
    findings: ['node.tmp'],
  },
  {
    id: 'node-limits',
    where: 'node',
    what: '1024 open files and processes, 64 GB of address space, in a job',
    why: 'Kernels and numerical libraries start hundreds of threads.',
    for: BOTH,
    findings: ['node.limits', 'node.limit-files', 'node.limit-processes', 'node.limit-memory'],
  },
  {
    id: 'clock',
    where: 'node',
    what: 'the clocks of node and login node within 30 s of each other',
    why: 'Files look newer than they are; sessions themselves go by the scheduler.',
    for: BOTH,
    findings: ['node.clock'],
  },
  {
    id: 'endpoint-python',
    where: 'endpoint',
    what: 'Python 3.6 or newer at `/usr/bin/python3`',
    why: 'The program that acts as users is started with it, isolated.',
    for: ['endpoint'],
    findings: ['endpoint.python'],
  },
  {
    id: 'endpoint-sudo',
    where: 'endpoint',
    what: 'sudo, the rule of `hpcbinder admin sudoers`, and the program and list that it names, both of root alone',
    why: 'Jobs run as their users, and no process of ours is root.',
    for: ['endpoint'],
    findings: ['endpoint.sudo', 'endpoint.program', 'endpoint.rule'],
  },
  {
    id: 'endpoint-scheduler',
    where: 'endpoint',
    what: 'the scheduler’s commands, where a cluster of the policy is this one',
    why: 'The endpoint asks it once for all sessions.',
    for: ['endpoint'],
    findings: ['endpoint.scheduler'],
  },
  {
    id: 'endpoint-state',
    where: 'endpoint',
    what: 'a local disk for `state_dir`, with 1 GB left',
    why: 'SQLite loses data on network disks, and a full one stops all that begins.',
    for: ['endpoint'],
    findings: ['endpoint.state', 'endpoint.state-room'],
  },
  {
    id: 'endpoint-room',
    where: 'endpoint',
    what: 'open files and memory for `limits.sessions`',
    why: 'Over four fifths of either, new work is refused.',
    for: ['endpoint'],
    findings: ['endpoint.room'],
  },
  {
    id: 'endpoint-clock',
    where: 'endpoint',
    what: 'a clock that is kept by a time service',
    why: 'Logins, tokens and certificates have an end; an OpenID provider’s tokens count by it.',
    for: ['endpoint'],
    findings: ['endpoint.clock'],
  },
];

/** `partly`: a warning; `unseen`: that machine was not looked at. */
export type Holds = 'yes' | 'partly' | 'no' | 'unseen';

/** Of each assumption that is for `whom`, by what was found. */
export function judgeAssumptions(findings: readonly Finding[], whom: For): { id: string; holds: Holds }[] {
  return ASSUMPTIONS.filter((one) => one.for.includes(whom)).map((one) => ({
    id: one.id,
    holds: holds(one, findings),
  }));
}

function holds({ where, findings: ids }: Assumption, all: readonly Finding[]): Holds {
  const about = all.filter(({ id }) => ids.includes(id));
  if (about.some(({ status }) => status === 'broken')) return 'no';
  if (about.some(({ status }) => status === 'warning')) return 'partly';
  // a look that found nothing to say of it has seen it; `job` alone says that there was no look
  const looked = all.some((one) => one.where === where && !one.id.endsWith('.job') && !one.id.endsWith('.connection'));
  return about.length > 0 || looked ? 'yes' : 'unseen';
}

/** In a line: how many hold, and which do not. */
export function assumptionsInWords(judged: readonly { id: string; holds: Holds }[]): string {
  const of = (what: Holds) => judged.filter((one) => one.holds === what).map(({ id }) => id);
  const list = (words: string, ids: readonly string[]) => (ids.length === 0 ? [] : [`${words} ${ids.join(', ')}`]);
  return [
    `of ${judged.length} assumptions ${of('yes').length} hold`,
    ...list('in part:', of('partly')),
    ...list('not:', of('no')),
    ...list('not looked at:', of('unseen')),
  ].join('; ');
}
