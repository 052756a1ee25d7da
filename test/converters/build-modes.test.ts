import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { clusterFault, failedForIds, needsEngine, refuseIds } from '../../converters/build-faults.ts';
import {
  askModes,
  type Evidence,
  type Known,
  type KnownMode,
  modeCheck,
  modesText,
  otherIds,
  parseMode,
  parseModes,
  withSiteModes,
} from '../../converters/build-modes.ts';
import { PLAN } from '../images/plans.ts';

const NOTHING: Evidence = { subuid: false, fakeroot: false };
const userns: KnownMode = {
  mode: 'userns',
  ids: false,
  node: 'c1',
  wanted: true,
  container: 'apptainer 1.4',
  evidence: NOTHING,
  at: '2026-11-23T16:00:00Z',
};
const site = { host: 'hpc', user: 'alice', partition: 'debug', container: 'apptainer 1.4' };
const known = (evidence: Evidence, mode?: KnownMode): Known => ({
  evidence,
  modes: new Map(mode ? [['debug', mode]] : []),
});
const withApt = (...packages: string[]) => ({
  ...PLAN,
  steps: [
    { kind: 'run', name: 'apt.txt', as: 'root', cwd: '/', shell: `apt-get install -- ${packages.join(' ')}` } as const,
  ],
});

describe('the mode of a build', () => {
  it('is seen by the real check, run by the real sh: here, outside of any build', () => {
    const { stdout, status } = spawnSync('sh', ['-ec', modeCheck({ needsIds: false })], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(parseMode(stdout.trim())).toMatchObject({ node: expect.stringMatching(/./) });
  });

  it('is one of six words, of a whole line and of nothing else', () => {
    expect(parseMode('hpcbinder: mode userns+fakeroot ids=yes node=gpu-3.hpc.edu')).toEqual({
      mode: 'userns+fakeroot',
      ids: true,
      node: 'gpu-3.hpc.edu',
    });
    for (const line of ['hpcbinder: mode magic ids=yes node=c1', ' hpcbinder: mode root ids=no node=c1', 'ids=yes'])
      expect(parseMode(line)).toBeUndefined();
  });

  it("is the site's word where no build looked and the user has no ids of their own", () => {
    const builds = new Map([['debug', { mode: 'userns' as const, ids: false }]]);
    const from = (before: Known) => withSiteModes(before, builds, 'apptainer 1.4');
    const hope: Evidence = { subuid: false, fakeroot: true };
    expect(otherIds(known(hope), 'debug', 'apptainer 1.4').ids).toBe(true);
    expect(otherIds(from(known(hope)), 'debug', 'apptainer 1.4').ids).toBe(false);
    expect(otherIds(from(known({ subuid: true, fakeroot: false })), 'debug', 'apptainer 1.4').ids).toBe(true);
    expect(from(known(hope, { ...userns, ids: true })).modes.get('debug')?.ids).toBe(true);
  });

  it('is kept for each partition, and what is no record of ours is none', () => {
    const modes = new Map([['debug', userns]]);
    expect(parseModes(modesText(modes))).toEqual(modes);
    for (const text of ['', '{', 'null', '{"schema":2,"modes":{}}', '{"schema":1,"modes":{"x":{"mode":"y"}}}'])
      expect(parseModes(text).size).toBe(0);
  });

  it('is asked of the login node by the real sh', () => {
    const { command, parse } = askModes('/nonexistent');
    const [program = '', ...words] = command.argv;
    const { stdout, stderr, status } = spawnSync(program, words);
    const answer = parse({ ended: { kind: 'exit', code: status ?? 1 }, stdout, stderr, truncated: false });
    expect(answer).toMatchObject({ ok: true, value: { evidence: { subuid: expect.any(Boolean) } } });
  });
});

describe('other ids', () => {
  it('are hoped for where the login node has what gives them, until a node has shown otherwise', () => {
    expect(otherIds(known(NOTHING), 'debug', site.container)).toEqual({ ids: false });
    expect(otherIds(known({ subuid: true, fakeroot: false }), 'debug', site.container)).toEqual({ ids: true });
    const fakeroot = { subuid: false, fakeroot: true };
    const failed = { ...userns, evidence: fakeroot };
    expect(otherIds(known(fakeroot, failed), 'debug', site.container)).toEqual({ ids: false, tried: failed });
    // a build that wanted none tried none
    expect(otherIds(known(fakeroot, { ...failed, wanted: false }), 'debug', site.container).ids).toBe(true);
  });

  it('are asked for anew when the admin changed something, or the container command is another one', () => {
    expect(otherIds(known({ subuid: true, fakeroot: false }, userns), 'debug', site.container)).toEqual({ ids: true });
    expect(otherIds(known(NOTHING, userns), 'debug', 'apptainer 2').tried).toBeUndefined();
    expect(otherIds(known(NOTHING, userns), 'gpu', site.container).tried).toBeUndefined();
  });

  it('are refused before the queue for the packages that need them, with what to do', () => {
    const error = refuseIds(withApt('tree', 'openssh-client'), known(NOTHING, userns), site);
    expect(error).toMatchObject({ code: 'E-BUILD-CLUSTER' });
    expect(error?.message).toMatch(/^openssh-client of apt\.txt belongs in part .* c1 builds in mode userns/);
    expect(error?.hint).toMatch(/usermod --add-subuids .* alice[\s\S]*--build-on here[\s\S]*drop the package/);
    expect(refuseIds(withApt('tree'), known(NOTHING, userns), site)).toBeUndefined();
    expect(refuseIds(withApt('dbus'), known({ subuid: true, fakeroot: false }), site)).toBeUndefined();
  });
});

describe('a build job without a result', () => {
  const ended = { exitCode: 1, seen: userns, step: 'apt.txt', lines: [] as string[] };

  // as dpkg and its scripts said it in a namespace of one id, on trixie
  const xterm = [
    'W: chown to root:adm of file /var/log/apt/term.log failed - OpenLog (22: Invalid argument)',
    'dpkg: error processing archive /tmp/apt-dpkg-install-cjjxlF/10-libutempter0_1.2.1-4_amd64.deb (--unpack):',
    " error setting ownership of './usr/lib/x86_64-linux-gnu/utempter/utempter': Invalid argument",
  ];

  it('names the package that needed other ids, also where it was only a dependency', () => {
    expect(failedForIds(xterm)).toEqual(['libutempter0']);
    expect(
      failedForIds([
        "chgrp: changing group of '/usr/bin/ssh-agent': Invalid argument",
        'dpkg: error processing package openssh-client (--configure):',
      ]),
    ).toEqual(['openssh-client']);
    expect(clusterFault(PLAN, { ...ended, lines: xterm }, site)).toMatchObject({
      code: 'E-BUILD-CLUSTER',
      message: expect.stringContaining('libutempter0'),
    });
  });

  it('blames no ids for an ordinary failure, nor where there were some', () => {
    expect(failedForIds([xterm[0] ?? '', 'dpkg: error processing package foo (--configure):'])).toEqual([]);
    expect(clusterFault(PLAN, { ...ended, seen: { ...userns, ids: true }, lines: xterm }, site)).toBeUndefined();
    expect(clusterFault(PLAN, { ...ended, lines: ['E: Unable to locate package foo'] }, site)).toBeUndefined();
  });

  it('says what an admin can do where no way to build works on the node, and where there is no room', () => {
    expect(clusterFault(PLAN, { ...ended, exitCode: 96 }, site)).toMatchObject({
      code: 'E-BUILD-CLUSTER',
      hint: expect.stringMatching(/max_user_namespaces/),
    });
    expect(clusterFault(withApt('dbus'), { ...ended, exitCode: 97 }, site)?.message).toMatch(/^dbus of apt\.txt/);
    for (const fault of [
      { ...ended, exitCode: 95 },
      { ...ended, lines: ['OSError: [Errno 28] No space left on device'] },
    ])
      expect(clusterFault(PLAN, fault, site)).toMatchObject({ code: 'E-DISK-FULL' });
  });

  it('of a Dockerfile: an engine is needed, and why there is none', () => {
    const plan = { ...PLAN, dockerfile: { path: 'binder/Dockerfile', buildArgs: [] } };
    expect(needsEngine(plan, 'no container engine answers on this machine').message).toBe(
      'binder/Dockerfile is built by a container engine, and no container engine answers on this machine',
    );
  });
});
