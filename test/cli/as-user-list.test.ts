/** What is sent to a cluster as a text and what root's list lets as-user.py run are held together. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { sudoers } from '../../cli/as-user.ts';
import { asUserList, sudoersRule } from '../../cli/as-user-list.ts';
import { askFailure } from '../../cli/failed-build.ts';
import { askModes } from '../../converters/build-modes.ts';
import { findBuild } from '../../converters/cluster-build.ts';
import * as store from '../../converters/store-questions.ts';
import type { ClusterProfile } from '../../core/cluster.ts';
import type { Command, CommandResult } from '../../core/command.ts';
import { bytes } from '../../core/transport.ts';
import { TAKE } from '../../jobs/lock-scripts.ts';
import { SCHEDULERS } from '../../schedulers/index.ts';
import { preflight } from '../../sessions/preflight.ts';
import { probe } from '../../sessions/probe.ts';
import { createSession, lookAt, removeSession } from '../../sessions/remote.ts';
import { lookQuestion } from '../../sessions/watch.ts';
import { listWork } from '../../sessions/work/manage.ts';
import { readFile } from '../../transports/files.ts';
import { writeFile } from '../../transports/upload.ts';
import { ROOT, read, scripts } from '../sources.ts';

const list = asUserList({ service: 'hpcbinder', group: 'hpcbinder-users', find: (name) => `/usr/bin/${name}` });

/** Places that send a text to a cluster, each with the name of the text there; and why those that an endpoint does not send are not in the list. */
const SENT = new Map([
  ['cli/failed-build.ts ASK', 'listed'],
  ['converters/build-modes.ts EVIDENCE', 'listed'],
  ['converters/cluster-build.ts FIND', 'listed'],
  ['converters/store-hash.ts program', 'listed'],
  ...['LOOK', 'PREPARE', 'MAKE', 'OWN', 'SET_ASIDE', 'REMOVE', 'OPEN'].map((name): [string, string] => [
    `converters/store-questions.ts ${name}`,
    'listed',
  ]),
  ['jobs/lock.ts program', 'listed'],
  ['schedulers/pbs/index.ts CANCEL', 'listed'],
  ['schedulers/pbs/jobs.ts ALL_MINE', 'listed'],
  ['schedulers/pbs/options.ts START', 'a word of qsub, run in the job'],
  ['sessions/audit.ts auditProgram()', 'runs the commands that it is told'],
  ...['job.ts MARK', 'job.ts READY', 'job.ts REACH', 'job.ts \': > "$1"\'', "job.ts '262144'", 'look.ts LOOK'].map(
    (each): [string, string] => [`sessions/doctor/${each}`, 'doctor is the command line’s'],
  ),
  ['sessions/preflight.ts PROGRAM', 'listed'],
  ['sessions/probe.ts PROGRAM', 'listed'],
  ['sessions/remote.ts source', 'listed'],
  ['sessions/storage/inventory.ts source', 'looks at and removes by a list: the command line’s'],
  ['sessions/watch.ts LOOK', 'listed'],
  ['sessions/work/manage.ts program', 'listed'],
  ['sessions/work/send.ts SHELF', 'listed'],
  ['transports/files.ts READ', 'listed'],
  ['transports/files.ts STREAM', 'listed'],
  ['transports/upload.ts WRITE_SMALL', 'listed'],
  ['transports/upload.ts UPLOAD', 'listed'],
  ['transports/upload.ts COMMIT', 'listed'],
]);

/** `[…, '-c', TEXT`: TEXT as it stands. */
const SENDS = /\[[^[\]]*'-c', ((?:'[^']*'|[A-Za-z]+\(\)|[A-Za-z_]+))/g;

const profile = {
  host: 'here',
  python: '/usr/bin/python3',
  stateDir: '/s',
  imageStore: '/i',
  workDir: '/w',
  container: { command: '/usr/bin/apptainer', flavor: 'apptainer', version: '' },
} as unknown as ClusterProfile;
const key = 'a'.repeat(32);
const DIRECTORY = '/home/alice/.local/state/hpcbinder/x';

async function commands(): Promise<Command[]> {
  const asked = [
    ...[
      askFailure(DIRECTORY, 1),
      askModes(DIRECTORY),
      findBuild(DIRECTORY, 'x'),
      probe('x'),
      preflight(profile, { gpus: false }),
    ],
    ...[
      store.look('/i', key),
      store.prepare('/i', key),
      store.make('/i'),
      store.own('/i', key),
      store.remove('/i', key),
    ],
    ...[store.setAside('/i', key, 'old'), store.open('/i', key, 0o600, key), lookQuestion('/s')],
    ...[
      createSession(profile, 'x', []),
      lookAt(profile, undefined, []),
      removeSession(profile, 'x'),
      listWork('python3', '~/w'),
    ],
    ...[...SCHEDULERS.values()].flatMap((made) => {
      const scheduler = made({ user: 'alice' });
      const job = { id: '12', tag: 'hb-abcdefghij' };
      return [
        scheduler.cancel(job),
        scheduler.unfinished(2001),
        scheduler.status([job], 2001),
        ...scheduler.offers().questions,
      ];
    }),
  ].map(({ command }) => command);
  const ran: Command[] = [];
  const end = {
    ended: { kind: 'exit', code: 0 },
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
    truncated: false,
  } satisfies CommandResult;
  const run = async (command: Command) => {
    ran.push(command);
    return end;
  };
  const shell = { name: 'x', run, start: () => Promise.reject(new Error('not here')) };
  await readFile(shell, '/x');
  await writeFile(shell, '/x', bytes('x'), { mode: 0o600 });
  return [...asked, ...ran];
}

describe('the list of what an endpoint may run as its users', () => {
  it('has been thought of for each place that sends a text', () => {
    // other ways than the endpoint's, containers of this machine, and what serve --check asks of its own
    const elsewhere =
      /^transports\/(?:relay|shell-transport|local|openssh\/)|^converters\/(?:check-image|tools)|^cli\/(?:as-user|serve\/host\.ts)/;
    const files = ['transports', 'converters', 'schedulers', 'jobs', 'sessions', 'cli'].flatMap((room) =>
      readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' }).map((name) => `${room}/${name}`),
    );
    const found = files
      .filter((path) => path.endsWith('.ts') && !elsewhere.test(path))
      .flatMap((path) => [...read(path).matchAll(SENDS)].map((match) => `${path} ${match[1]}`));
    expect([...new Set(found)].sort()).toEqual([...SENT.keys()].sort());
  });

  it('lets pass what a launch sends, with its variables', async () => {
    const digest = (text: string) => createHash('sha256').update(text).digest('hex');
    for (const { argv, env } of await commands()) {
      const at = argv[1] === '-c' ? 2 : argv[2] === '-c' ? 3 : 0;
      const known =
        at === 0 ? Object.hasOwn(list.commands, argv[0] ?? '') : Object.hasOwn(list.programs, digest(argv[at] ?? ''));
      expect([argv.join(' ').slice(0, 80), known]).toEqual([argv.join(' ').slice(0, 80), true]);
      for (const [name, value] of Object.entries(env ?? {})) expect(list.variables[name]).toContain(value);
    }
  });

  it('binds the first word of what writes', () => {
    expect(list.programs[createHash('sha256').update(TAKE).digest('hex')]).toEqual({
      by: 'sh',
      inside: [1],
      commands: [],
    });
  });

  it('has no shell, no interpreter and no step of a job among its commands', () => {
    const shells = [
      'sh',
      'bash',
      'python',
      'python3',
      'env',
      'srun',
      'salloc',
      'ssh',
      'sudo',
      'cat',
      'cp',
      'mv',
      'sed',
      'awk',
    ];
    expect(shells.filter((name) => Object.hasOwn(list.commands, name))).toEqual([]);
  });
});

describe('admin sudoers', () => {
  it.each([
    { service: 'root, ALL' },
    { service: '#0' },
    { group: 'users) NOPASSWD: ALL #' },
    { group: 'a\nb' },
    { program: 'as-user' },
    { program: '/opt/../tmp/as-user' },
    { program: '/opt/as user' },
    { program: '/opt/as-user, /bin/sh' },
  ])('takes no name that means more in a rule: %j', async (flags) => {
    await expect(sudoers(flags)).rejects.toMatchObject({ code: 'E-USAGE' });
  });

  it('installs nothing where others than root could change it', async () => {
    const folder = join(tmpdir(), 'hb-as-user-nowhere');
    const code = process.getuid?.() === 0 ? 'E-CONFIG' : 'E-USAGE';
    await expect(sudoers({ install: true, program: `${folder}/as-user` })).rejects.toMatchObject({ code });
    expect(existsSync(folder)).toBe(false);
  });

  it('installs no folder, command or variable that is not plain', async () => {
    for (const flags of [
      { folder: ['/'] },
      { folder: ['~'] },
      { folder: ['~/..'] },
      { command: ['sh'] },
      { environment: ['x'] },
      { python: 'python3' },
    ])
      await expect(sudoers({ install: true, ...flags })).rejects.toMatchObject({ code: 'E-USAGE' });
  });
});

describe('the program behind the rule', () => {
  it('is one that Python 3.6 understands', () => {
    const check = 'import ast,sys; ast.parse(sys.stdin.read(), feature_version=(3, 6))';
    execFileSync('python3', ['-c', check], { input: read('transports/sudo/as-user.py') });
  });

  it('has less than 200 lines', () => {
    expect(scripts().find(({ path }) => path === 'transports/sudo/as-user.py')?.lines).toBeLessThan(200);
  });

  it('is what the rule names, for one group and without arguments', () => {
    const rule = sudoersRule({ service: 'binder', group: 'people', program: '/opt/as-user' });
    expect(rule).toMatch(/^Defaults!\/opt\/as-user env_reset, .*!setenv/m);
    expect(rule).toMatch(/^binder ALL=\(%people\) NOPASSWD: \/opt\/as-user ""$/m);
    expect(rule.match(/^binder/gm)).toHaveLength(1);
  });
});
