/** What `doctor` says of answers as look.sh gave them on the devcluster (test/fixtures/doctor), and of the same with one line changed. */
import { describe, expect, it } from '@jest/globals';
import { NO_ALLOWANCE } from '../../core/allowance.ts';
import type { ClusterProfile } from '../../core/cluster.ts';
import type { Partition } from '../../core/scheduler.ts';
import { judgeCluster } from '../../sessions/doctor/cluster.ts';
import { type Finding, stops } from '../../sessions/doctor/finding.ts';
import { readyOf } from '../../sessions/doctor/job.ts';
import { judgeLogin, type LoginSeen } from '../../sessions/doctor/login.ts';
import { understand } from '../../sessions/doctor/look.ts';
import { judgeNode, type NodeSeen } from '../../sessions/doctor/node.ts';
import { understand as understandRoom } from '../../sessions/preflight.ts';
import { read } from '../sources.ts';

const LOGIN = read('test/fixtures/doctor/login.txt');
const NODE = read('test/fixtures/doctor/node.txt');
const profile = {
  name: 'hpc',
  host: 'hpc.example.edu',
  user: 'alice',
  home: '/home/alice',
  container: { command: '/usr/bin/apptainer', flavor: 'apptainer', version: '' },
  python: '/usr/bin/python3',
  imageStore: '/scratch/alice',
  stateDir: '/home/alice/.local/state/hpcbinder',
  workDir: '/home/alice/hpcbinder',
  scratch: '/scratch/alice',
  ports: [],
  bases: new Map([['3.13', { archive: '/scratch/bases/python.tar' }]]),
  compression: 'zstd',
} as unknown as ClusterProfile;

/** Of what is not fine: `status id`. */
const told = (findings: readonly Finding[]) =>
  findings.filter(({ status }) => status !== 'fine').map(({ status, id }) => `${status} ${id}`);

const changed = (text: string, changes: readonly (readonly [string | RegExp, string])[]) =>
  changes.reduce((before, [from, to]) => {
    const after = before.replace(from, to);
    if (after === before) throw new Error(`${from} is not in it`);
    return after;
  }, text);

function login(changes: readonly (readonly [string | RegExp, string])[] = [], more: Partial<LoginSeen> = {}) {
  return judgeLogin({ profile, machine: understand(changed(LOGIN, changes)), storage: [], ...more });
}

function node(changes: readonly (readonly [string | RegExp, string])[] = [], more: Partial<NodeSeen> = {}) {
  const seen = { profile, partition: 'debug', gpus: 0, markers: new Map(), binds: [], reached: 'yes' as const };
  return judgeNode({ ...seen, login: understand(LOGIN), node: understand(changed(NODE, changes)), ...more });
}

describe('the login node', () => {
  it('is fine, and that is a few words', () => {
    expect(told(login())).toEqual([]);
    expect(login().map(({ sentence }) => sentence)).toEqual([
      'Apptainer 1.4.5',
      'Python 3.13',
      'x86_64, glibc 2.41',
      'limits',
    ]);
  });

  it.each<[string, string | RegExp, string]>([
    ['broken login.container', 'version 1.4.5', 'version 0.9.3'],
    ['warning login.container', /container=.*\n/, ''],
    ['warning login.limit-files', '20000 open files', '256 open files'],
    ['warning login.limit-processes', '96365 processes', '100 processes'],
    ['warning login.limit-memory', 'unlimited address space', '4294967296 address space'],
    ['warning login.limit-file-size', 'unlimited file size', '104857600 file size'],
    ['warning login.limit-cpu', 'unlimited cpu time', '600 cpu time'],
    ['broken login.directories', '1 1 1 2001 755', '1 1 0 2001 555'],
    ['warning login.open-directories', '1 1 1 2001 755', '1 1 1 2001 775'],
    ['note login.shell-noise', 'shell.noise=', 'shell.noise=Welcome!'],
    ['warning login.shell-slow', 'shell.ms=8', 'shell.ms=3100'],
    ['note login.internet', 'yes pypi.org', 'no pypi.org'],
  ])('%s', (finding, from, to) => {
    expect(told(login([[from, to]]))).toEqual([finding]);
  });

  it('has a base image that is gone, a closed sshd, no ids, a file of the site that others wrote', () => {
    const archive = '/home/alice/none';
    const bases = new Map([['3.13', { archive }]]);
    expect(told(login([], { profile: { ...profile, bases } }))).toEqual(['warning login.bases']);
    expect(told(login([], { forwarding: { said: 'administratively prohibited' } }))).toEqual([
      'broken login.forwarding',
    ]);
    expect(told(login([], { forwarding: 'relayed' }))).toEqual(['warning login.forwarding']);
    expect(told(login([], { ids: { subuid: false, fakeroot: false } }))).toEqual(['note login.subuid']);
    expect(told(login([], { ids: { subuid: false, fakeroot: true } }))).toEqual([]);
    expect(told(login([], { siteIgnored: 'x' }))).toEqual(['warning login.site-file']);
  });

  it('has little room, or none, by its disk or by the quota', () => {
    const facts = (kib: number, ...more: string[]) =>
      understandRoom([`version=1.4.5`, `disk=/dev/sdb ${kib} /scratch/alice`, ...more, 'looked=1', ''].join('\n'));
    const room = (kib: number, ...more: string[]) =>
      login([], { facts: facts(kib, ...more) as NonNullable<LoginSeen['facts']> });
    expect(told(room(1e9))).toEqual([]);
    expect(told(room(1e6))).toEqual(['warning login.room']);
    expect(told(room(1e4))).toEqual(['broken login.room']);
    const [full] = room(1e9, 'quota=/dev/sdb 1000 1000').filter(({ id }) => id === 'login.room');
    expect(full?.sentence).toBe('There is no room in /scratch/alice (your quota leaves 0 B).');
  });

  it('has storage that the site says is emptied: images there are made again, work there is lost', () => {
    const storage = [{ path: '/scratch', purgeSeconds: 30 * 86_400 }, { path: '/home' }];
    expect(told(login([], { storage }))).toEqual(['note login.purge-images']);
    expect(told(login([], { storage, profile: { ...profile, workDir: '/scratch/work' } }))).toContain(
      'warning login.purge',
    );
    expect(told(login([], { storage: [{ path: '/scr', purgeSeconds: 1 }] }))).toEqual([]);
  });
});

describe('the compute node', () => {
  const bare = 'note node.cgroup';
  it('is fine but for the cgroups that a container cannot have', () => {
    expect(told(node())).toEqual([bare]);
    const site: [RegExp, string] = [/cgroup=.*/, 'cgroup=0::/system.slice/slurmstepd.scope/job_42/step_batch'];
    expect(told(node([site]))).toEqual([]);
  });

  const DENIED = 'fuse: failed to open /dev/fuse: Permission denied';
  const noImage: [RegExp, string] = [/image=42/g, `image=255`];
  it.each<[string, (readonly [string | RegExp, string])[]]>([
    [
      'broken node.container',
      [
        [/container=.*\n/, ''],
        [/image=42/g, 'image=127'],
      ],
    ],
    ['broken node.python', [['python=3.13', 'python=']]],
    ['note node.container-version', [['1.4.5', '1.3.0']]],
    ['broken node.fuse', [['fuse=yes', 'fuse=denied'], [/image=42 zstd.*/, `image=255 zstd ${DENIED}`], noImage]],
    ['note node.fuse', [['fuse=yes', 'fuse=absent']]],
    ['broken node.userns', [['userns=yes', 'userns=no'], noImage]],
    ['note node.userns', [['userns=yes', 'userns=no']]],
    ['broken node.images', [noImage]],
    ['broken node.compression', [['image=42 zstd', 'image=255 zstd']]],
    ['broken node.tmp', [['tmp.runs=yes', 'tmp.runs=full']]],
    ['warning node.tmp', [[/tmp.free=.*/, 'tmp.free=900']]],
    ['note node.tmp', [['tmp.runs=yes', 'tmp.runs=no']]],
    ['warning node.share-delay', [['shared=2820', 'shared=never']]],
    ['note node.share-delay', [['shared=2820', 'shared=12000']]],
    ['broken node.ports', [['looked=1', 'looked=1\nport=none']]],
    ['warning node.internet', [['yes pypi.org', 'no pypi.org']]],
    ['note node.internet', [['yes pypi.org', 'certificate pypi.org']]],
    ['note node.architecture', [['machine=x86_64', 'machine=aarch64']]],
    ['warning node.limit-processes', [['96365 processes', '900 processes']]],
    ['warning node.look', [['looked=1', '']]],
  ])('%s', (finding, changes) => {
    expect(told(node(changes)).filter((each) => each !== bare)).toEqual([finding]);
  });

  it('says which compression to set where it can mount another', () => {
    const [found] = node([['image=42 zstd', 'image=255 zstd']]).filter(({ id }) => id === 'node.compression');
    expect(found?.mend).toBe("In the cluster's entry: compression: gzip");
    const gzip = { profile: { ...profile, compression: 'gzip' as const } };
    expect(told(node([['image=42 zstd', 'image=255 zstd']], gzip))).toEqual([bare]);
  });

  it('is not reached, does not see what the login node wrote, has no driver, a wrong clock', () => {
    expect(told(node([], { reached: { said: 'timed out' }, port: 40000 }))).toContain('broken node.tunnel');
    expect(told(node([], { markers: new Map([['/data/none', '/data']]) }))).toContain('broken node.shared');
    expect(told(node([], { binds: ['/data/none', '/scratch/alice'] }))).toContain('broken node.binds');
    expect(told(node([], { gpus: 1 }))).toContain('warning node.gpu');
    expect(told(node([['looked=1', 'gpu=NVIDIA A100, 550.54\nlooked=1']], { gpus: 1 }))).toEqual([bare]);
    expect(told(node([], { clocks: { node: 1000, login: 4600 } }))).toContain('warning node.clock');
    expect(told(node([], { clocks: { node: 1000, login: 1002 } }))).toEqual([bare]);
    expect(told(node([['yes pypi.org', 'no pypi.org']], { profile: { ...profile, internet: false } }))).toEqual([bare]);
    expect(told(node([], { profile: { ...profile, bases: new Map() } }))).toContain('note node.registry');
  });
});

describe('the scheduler', () => {
  const partition = (name: string, up = true, isDefault = false) => ({ name, up, isDefault }) as Partition;
  const both = [partition('debug', true, true), partition('gpu')];
  const seen = { scheduler: 'Slurm 24.11', partitions: both, allowance: NO_ALLOWANCE };
  it.each([
    ['', {}],
    ['broken cluster.scheduler', { partitions: undefined as never }],
    ['broken cluster.partitions', { partitions: both.map((one) => ({ ...one, up: false })) }],
    ['warning cluster.partitions', { partitions: [partition('debug', false, true), partition('gpu')] }],
    ['broken cluster.default-partition', { usual: 'gone' }],
    ['warning cluster.build-partition', { builds: 'gone' }],
    ['note cluster.partitions', { partitions: [partition('debug', true, true), partition('gpu', false)] }],
    ['note cluster.accounting', { allowance: { unknown: 'sacctmgr does not answer.' } as never }],
  ])('%s', (finding, more) => {
    expect(told(judgeCluster({ ...seen, ...more })).join()).toBe(finding);
  });
});

describe('what is said', () => {
  const all = [...login([['shell.ms=8', 'shell.ms=3000']]), ...node([['userns=yes', 'userns=no']])];
  it('is a sentence with a consequence, and stops a launch only where something is broken', () => {
    for (const { status, sentence, consequence } of all.filter((each) => each.status !== 'fine')) {
      expect([status, sentence]).toEqual([status, expect.stringMatching(/^\S.*\S\.$/)]);
      expect(consequence).toMatch(/\.$/);
    }
    expect(stops(all)).toBe(false);
    expect(stops(node([['python=3.13', 'python=']]))).toBe(true);
  });

  it('is not steered by what a machine says: lines that fit no grammar are not known', () => {
    const wild = understand(
      'limit=many open files\nimage=42\npath=1 1 relative\ninternet=maybe pypi.org\n=x\nfuse=perhaps\n',
    );
    expect(wild).toMatchObject({ whole: false, host: '', limits: new Map(), images: new Map(), paths: new Map() });
    expect(wild.fuse).toBeUndefined();
    expect(readyOf('{"host":"c2","port":40000,"at":1795465275.4}\n1795465276\n')).toEqual({
      host: 'c2',
      port: 40000,
      clocks: { node: 1795465275, login: 1795465276 },
    });
    expect(readyOf('{"host":"-oProxyCommand=x","port":1,"at":1}\n1')).toBeUndefined();
    expect(readyOf('{"host":"c2","po')).toBeUndefined();
  });
});
