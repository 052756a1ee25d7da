import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chooseCluster, profileOf } from '../../cli/connect.ts';
import { type ClusterEntry, parseConfig } from '../../core/config.ts';
import type { Probe } from '../../sessions/probe.ts';

const config = (text: string) => parseConfig(text, 'config.yaml');
const clusters = (...names: string[]) =>
  `clusters:\n${names.map((name) => `  ${name}: {host: ${name}.edu}\n`).join('')}`;
const PATH = process.env.PATH;

beforeEach(() => {
  process.env.PATH = '/nonexistent';
});
afterEach(() => {
  process.env.PATH = PATH;
});

describe('the cluster that is meant', () => {
  it.each([
    ['the default', `default: b\n${clusters('a', 'b')}`, 'b'],
    ['the only one', clusters('a'), 'a'],
    ['the devcluster while it is alone', clusters('devcluster'), 'devcluster'],
    ['the real one beside a devcluster', clusters('devcluster', 'a'), 'a'],
    ['the devcluster where that was said', `default: devcluster\n${clusters('devcluster', 'a')}`, 'devcluster'],
  ])('is %s', (_, text, name) => {
    expect(chooseCluster(config(text), undefined)?.name).toBe(name);
  });

  it('is asked for where there are several and none is the default', () => {
    expect(() => chooseCluster(config(clusters('a', 'b')), undefined)).toThrow(
      expect.objectContaining({ code: 'E-CLUSTER-NONE', hint: expect.stringContaining('--cluster NAME (a, b)') }),
    );
  });

  it('is none without a config and without a scheduler here', () => {
    expect(chooseCluster(config(''), undefined)).toBeUndefined();
  });

  it.each([
    ['alice@login.hpc.edu', { user: 'alice', host: 'login.hpc.edu' }],
    ['login.hpc.edu', { host: 'login.hpc.edu' }],
    ['j.döe@hpc', { user: 'j.döe', host: 'hpc' }],
    ['user@dom@hpc', { user: 'user@dom', host: 'hpc' }],
    ['alice@hpc', { user: 'alice', host: 'hpc' }],
    ['alice@127.0.0.1:2222', { user: 'alice', host: '127.0.0.1', port: 2222 }],
  ])('may be typed as %s', (text, entry) => {
    expect(chooseCluster(config(''), text)).toEqual({ name: text, entry, saved: false });
  });

  it.each(['-oProxyCommand=id@h', 'a@-h', 'alice@h;id', '$(id)@h.x', 'hpcc', ''])('is not %j', (text) => {
    expect(() => chooseCluster(config(clusters('hpc')), text)).toThrow(
      expect.objectContaining({ code: 'E-CLUSTER-UNKNOWN' }),
    );
  });

  it('is named where a name was mistyped', () => {
    expect(() => chooseCluster(config(clusters('hpc')), 'hpcc')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('Did you mean hpc?') }),
    );
  });
});

const found: Probe = {
  user: 'alice',
  uid: 1000,
  home: '/home/a$&b',
  hostname: 'login1',
  platform: 'linux/amd64',
  scheduler: { name: 'slurm', version: '', directory: '/usr/bin', onPath: true },
  container: { command: '/usr/bin/apptainer', flavor: 'apptainer', version: '1.4.5' },
  python: { command: '/usr/bin/python3', version: '3.9' },
};
const profile = (entry: ClusterEntry, more: Partial<Probe> = {}) =>
  profileOf({ name: 'hpc', entry: { host: 'h', ...entry }, saved: true }, { ...found, ...more });

describe('a cluster’s profile', () => {
  it('keeps images on scratch where there is one, records and work in the home directory', () => {
    expect(profile({})).toMatchObject({ imageStore: '/home/a$&b/.cache/hpcbinder/images' });
    expect(profile({}, { scratch: { directory: '/scratch/alice', free: 1 } })).toMatchObject({
      imageStore: '/scratch/alice/hpcbinder/images',
      workDir: '/home/a$&b/hpcbinder',
      stateDir: '/home/a$&b/.local/state/hpcbinder',
    });
  });

  it.each([
    ['~', '/home/a$&b'],
    ['~/x', '/home/a$&b/x'],
    ['$HOME/x', '/home/a$&b/x'],
    ['/scratch/$USER', '/scratch/alice'],
    ['/scratch/$USER/$USER/x', '/scratch/alice/alice/x'],
    ['/scratch/~/x', '/scratch/~/x'],
    ['/scratch/$USERS', '/scratch/$USERS'],
  ])('has %s as %s', (path, there) => {
    expect(profile({ work_dir: path }).workDir).toBe(there);
  });

  it('takes the entry’s word before what was found', () => {
    const own = profile({ singularity: '/opt/s', python: '~/py/python3' });
    expect(own.container).toMatchObject({ command: '/opt/s', flavor: 'singularity' });
    expect(own.python).toBe('/home/a$&b/py/python3');
  });

  it.each([
    ['a scheduler', { scheduler: undefined }, 'E-NO-SCHEDULER'],
    ['a container command', { container: undefined }, 'E-NO-CONTAINER'],
    ['a Python', { python: undefined }, 'E-NO-PYTHON'],
  ])('is none without %s', (_, more, code) => {
    expect(() => profile({}, more as Partial<Probe>)).toThrow(expect.objectContaining({ code }));
  });
});

describe('the qsub of a cluster', () => {
  const pbs = (version: string) => ({ name: 'pbs' as const, version, directory: '/opt/pbs/bin', onPath: true });
  it.each(['pbs_version = 23.06.06', 'pbs_version = 2022.1.1.20220620133745'])(
    'is taken with the words %j',
    (version) => {
      expect(profile({}, { scheduler: pbs(version) })).toMatchObject({ host: 'h' });
    },
  );
  it.each(['Version: 6.1.2', 'SGE 8.1.9', 'error: unrecognized option', ''])(
    'is refused with the words %j',
    (version) => {
      expect(() => profile({}, { scheduler: pbs(version) })).toThrow(
        expect.objectContaining({ code: 'E-NO-SCHEDULER', message: expect.stringMatching(/neither OpenPBS/) }),
      );
    },
  );
});

describe('what runs in a job before the agent', () => {
  const shell = (text: string) =>
    execFileSync('/bin/sh', ['-c', `module() { printf '[%s]' "$@"; }\n${text}\nprintf '%s' "$PATH"`], {
      env: { PATH: '/usr/bin:/bin' },
    }).toString();

  it('is nothing where nothing was said', () => {
    expect(profile({}).prologue).toBe('');
  });

  it('is path, modules and prologue, in this order, each as written', () => {
    const { prologue } = profile({
      path: ["/opt/it's here/bin", '/b'],
      modules: ['a/1; id', 'b'],
      prologue: 'printf done:',
    });
    expect(shell(prologue)).toBe("[load][a/1; id][load][b]done:/opt/it's here/bin:/b:/usr/bin:/bin");
  });

  it('loads the module that the container command was found behind, unless the entry names the command', () => {
    const container = { command: '/x/apptainer', flavor: 'apptainer' as const, version: '', module: 'apptainer' };
    expect(profile({}, { container }).prologue).toContain('module load apptainer');
    expect(profile({ apptainer: '/x/apptainer' }, { container }).prologue).toBe('');
  });
});
