/**
 * What as-user.py may run (docs/security.md): the scheduler's commands, and the constant texts of ours that an endpoint sends,
 * known by their sha256. Not in it: what runs whatever it is told (`audit`, the look of `doctor`), what removes by a list
 * (`images gc`), and tunnels to any host.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { EVIDENCE } from '../converters/build-modes.ts';
import { FIND } from '../converters/cluster-build.ts';
import { STORE_LOOK, STORE_WRITERS } from '../converters/store-questions.ts';
import { BEAT, FREE, TAKE, WAITERS } from '../jobs/lock-scripts.ts';
import { CANCEL } from '../schedulers/pbs/index.ts';
import { ALL_MINE } from '../schedulers/pbs/jobs.ts';
import { PROGRAM as PREFLIGHT } from '../sessions/preflight.ts';
import { PROGRAM as PROBE } from '../sessions/probe.ts';
import { REMOTE_PROGRAMS } from '../sessions/remote.ts';
import { LOOK as WATCH } from '../sessions/watch.ts';
import { SHELF } from '../sessions/work/send.ts';
import { COMMIT, READ, STREAM, UPLOAD, WRITE_SMALL } from '../transports/file-scripts.ts';
import { ASK } from './failed-build.ts';

/** Places of words, the first is 1: paths that must lie in the folders, commands that must be listed. */
type Rule = { by: 'sh' | 'python'; inside: readonly number[]; commands: readonly number[] };

export type AsUserList = {
  schema: 1;
  service: string;
  group: string;
  /** below these a word that is bound may lead; `~` and `$USER` are the user's */
  folders: readonly string[];
  /** set for all that is run */
  environment: Readonly<Record<string, string>>;
  /** variables that may be asked for, and with which values */
  variables: Readonly<Record<string, readonly string[]>>;
  /** name → absolute path */
  commands: Readonly<Record<string, string>>;
  /** commands whose words other than options are paths in the folders */
  tools: readonly string[];
  /** sha256 of the text */
  programs: Readonly<Record<string, Rule>>;
  /** names and sha256 of those that change nothing: what gate.py lets the service's own account do */
  asks: { commands: readonly string[]; programs: readonly string[] };
};

const COMMANDS = [
  ...['sbatch', 'squeue', 'scancel', 'scontrol', 'sacct', 'sacctmgr', 'sinfo'],
  ...['qsub', 'qstat', 'qdel', 'qselect', 'qalter', 'pbsnodes'],
  ...['apptainer', 'singularity', 'true'],
];
const TOOLS = ['rm', 'mkdir'];
/** None of them submits, ends or changes a job by itself; what scontrol and sacctmgr change, the scheduler refuses this account. */
const ASKING = ['squeue', 'scontrol', 'sacct', 'sacctmgr', 'sinfo', 'qstat', 'qselect', 'pbsnodes', 'true'];

/** Where hpcbinder writes unless a cluster's entry says otherwise (cli/connect.ts), scratch as sessions/probe.sh looks for it. */
const FOLDERS = [
  ...['~/.local/state/hpcbinder', '~/.cache/hpcbinder', '~/hpcbinder'],
  ...['/scratch', '/scratch/users', '/work', '/lustre/scratch', '/gpfs/scratch'].map((at) => `${at}/$USER/hpcbinder`),
];

const sh = (inside: readonly number[], ...texts: readonly string[]) =>
  texts.map((text) => ({ text, rule: { by: 'sh' as const, inside, commands: [] as number[] } }));
const python = (inside: readonly number[], ...texts: readonly string[]) =>
  texts.map((text) => ({ text, rule: { by: 'python' as const, inside, commands: [] as number[] } }));
const file = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

function programs() {
  return [
    ...sh([1], WRITE_SMALL, UPLOAD, TAKE, BEAT, FREE, WAITERS, SHELF, ASK, ...STORE_WRITERS),
    ...sh([1, 2], COMMIT),
    // these only look, and the account may read what it may read
    ...sh([], READ, STREAM, STORE_LOOK, EVIDENCE, FIND, WATCH, PROBE, CANCEL, ALL_MINE),
    { text: PREFLIGHT, rule: { by: 'sh' as const, inside: [], commands: [1] } },
    ...python([1], ...REMOTE_PROGRAMS),
    ...python([], file('../converters/store-hash.py')),
    ...python([2], file('../sessions/work/manage.py')),
  ];
}

export type ListOptions = {
  service: string;
  group: string;
  /** besides the usual ones */
  folders?: readonly string[];
  /** absolute paths of commands besides those that `find` finds, for example an Apptainer behind a module */
  commands?: readonly string[];
  environment?: Readonly<Record<string, string>>;
  /** a cluster's own `python` */
  python?: string;
  /** name of a command → its absolute path here */
  find(name: string): string | undefined;
};

export function asUserList(options: ListOptions): AsUserList {
  const { service, group, python: named } = options;
  const found = [...COMMANDS, ...TOOLS].flatMap((name): [string, string][] => {
    const path = options.find(name);
    return path === undefined ? [] : [[name, path]];
  });
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const given = (options.commands ?? []).map((path): [string, string] => [path.slice(path.lastIndexOf('/') + 1), path]);
  return {
    schema: 1,
    service,
    group,
    folders: [...FOLDERS, ...(options.folders ?? [])],
    environment: options.environment ?? {},
    variables: {
      LC_ALL: ['C'],
      TZ: ['UTC'],
      SLURM_TIME_FORMAT: ['%s'],
      HPCBINDER_FIGURES: ['', '1'],
      HPCBINDER_PYTHON: ['', ...(named === undefined ? [] : [named])],
    },
    commands: Object.fromEntries([...found, ...given]),
    tools: TOOLS,
    programs: Object.fromEntries(programs().map(({ text, rule }) => [hash(text), rule])),
    asks: { commands: ASKING, programs: [PROBE, ALL_MINE].map(hash) },
  };
}

/** The rule: that program and no argument, as members of the group, with nothing of the service's own environment. */
export function sudoersRule({ service, group, program }: { service: string; group: string; program: string }): string {
  const options = ['env_reset', '!env_keep', '!env_check', '!setenv', '!requiretty', '!use_pty', 'lecture=never'];
  // a log of input and output would hold the sessions' keys
  const silent = ['!log_input', '!log_output'];
  return [
    '# hpcbinder serve acts as a member of the group by this one program, as no other, and never as root.',
    `Defaults!${program} ${[...options, ...silent].join(', ')}`,
    `${service} ALL=(%${group}) NOPASSWD: ${program} ""`,
    '',
  ].join('\n');
}
