/** What is looked at before anything is sent, and what is said: pure, from answers as a login node gives them. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import type { ClusterProfile } from '../../core/cluster.ts';
import { isOlder, type Needs, obstacle, preflight, understand } from '../../sessions/preflight.ts';
import { notRun } from '../not-run.ts';

const profile = {
  host: 'hpc',
  container: { command: '/usr/bin/apptainer', flavor: 'apptainer', version: '' },
  imageStore: '/scratch/alice/images',
  stateDir: '/home/alice/.local/state/hpcbinder',
  workDir: '/home/alice/hpcbinder',
} as unknown as ClusterProfile;
const needs: Needs = { platform: 'linux/amd64', make: true, content: 1e6 };

const answer = (more: string[] = [], scratch = 9e8, home = 9e8) => `version=apptainer version 1.4.5
disk=/dev/sdb1 ${scratch / 1000} /scratch/alice/images
disk=nfs:/home ${home / 1000} /home/alice/.local/state/hpcbinder
disk=nfs:/home ${home / 1000} /home/alice/hpcbinder
${more.map((line) => `${line}\n`).join('')}looked=1
`;

function said(text: string, more: Partial<Needs> = {}, at = profile) {
  const facts = understand(text);
  if (!facts) throw new Error('cut off');
  const fault = obstacle(at, facts, { ...needs, ...more });
  return fault && `${fault.code}: ${fault.message}`;
}

describe('the look before the queue', () => {
  it('finds nothing to say of a site that is as it should be', () => {
    expect(said(answer())).toBeUndefined();
    expect(understand('version=1.4.5\n')).toBeUndefined();
  });

  it('ABU-06, F-36: names the place, the need and what is there, of the disk', () => {
    expect(said(answer([], 1e7))).toBe(
      'E-DISK-FULL: an image needs at least 150 MB in /scratch/alice/images on hpc; the disk has 10 MB',
    );
    expect(said(answer([], 1e7), { make: false })).toBeUndefined();
    expect(said(answer([], 9e8, 3e7))).toMatch(/^E-DISK-FULL: a session's directory needs at least 64 MB in .*state/);
    expect(said(answer([], 9e8, 9e7), { content: 5e8 })).toBe(
      'E-DISK-FULL: the work directory needs at least 564 MB in /home/alice/hpcbinder on hpc; the disk has 92 MB',
    );
  });

  it('F-36: and of the quota, where that is less than the disk has', () => {
    const quota = ['quota=nfs:/home 990000 1000000'];
    expect(said(answer(quota))).toMatch(/^E-DISK-FULL: a session's .*; your quota leaves 10 MB$/);
    expect(said(answer(['quota=nfs:/home 990000 0']))).toBeUndefined();
  });

  it('names the version that is too old, and the one that is needed', () => {
    const singularity = {
      ...profile,
      container: { command: '/opt/s', flavor: 'singularity', version: '' },
    } as ClusterProfile;
    const old = answer().replace('apptainer version 1.4.5', 'singularity-ce version 3.7.1-1.el7');
    expect(said(old, {}, singularity)).toBe(
      'E-NO-CONTAINER: /opt/s on hpc is SingularityCE 3.7.1: 3.8 or newer is needed',
    );
    expect(said(old.replace('3.7.1', '3.11.4'), {}, singularity)).toBeUndefined();
    // Apptainer under the name singularity
    expect(said(answer(), {}, singularity)).toBeUndefined();
    expect(said(answer().replace('1.4.5', '0.9.0'))).toMatch(/^E-NO-CONTAINER: .* is Apptainer 0.9.0: 1.0 or newer/);
    expect(said(answer().replace(/version=.*/, 'version='))).toBeUndefined();
  });

  it('compares the architecture of a stored and of a given image with the partition’s', () => {
    expect(said(answer(), { imagePlatform: 'linux/arm64' })).toBe(
      "E-PLATFORM: the image is for linux/arm64, and the partition's nodes on hpc are linux/amd64",
    );
    const head = (text: string) => Buffer.from(text, 'latin1').toString('hex');
    const sif = (arch: string) => `sif.head=${head(`#!/usr/bin/env run-singularity\n\0SIF_MAGIC\0${'01\0'}${arch}\0`)}`;
    expect(said(answer(['sif.bytes=4096', sif('02')]))).toBeUndefined();
    expect(said(answer(['sif.bytes=4096', sif('04')]))).toMatch(/^E-PLATFORM: the image is for linux\/arm64/);
    expect(said(answer(['sif.bytes=4', 'sif.head=61626364']))).toBe(
      'E-IMAGE-DAMAGED: the file of --sif on hpc is no SIF',
    );
    expect(said(answer(['sif.bytes=-1']))).toMatch(/^E-IMAGE-DAMAGED: the image of --sif is not there on hpc/);
  });

  it('compares the image’s glibc with what the GPU driver on the login node asks for', () => {
    const driver = ['driver=/usr/lib64/libcuda.so.1 GLIBC_2.27'];
    expect(said(answer(driver), { glibc: '2.41' })).toBeUndefined();
    expect(said(answer(driver), { glibc: '2.27' })).toBeUndefined();
    expect(said(answer(driver), { glibc: '2.17' })).toBe(
      "E-GPU: the GPU driver's /usr/lib64/libcuda.so.1 on hpc needs glibc 2.27, the image has 2.17: no program in it could use the GPU",
    );
    expect(said(answer(), { glibc: '2.17' })).toBeUndefined();
    expect(isOlder('2.9', '2.27')).toBe(true);
    notRun('glibc against GPU libraries: no GPU driver on this machine; the decision is tested, its facts are not');
  });

  it('is one script that answers on a real system, for directories that are not there yet too', () => {
    const here = { ...profile, container: { ...profile.container, command: 'true' }, imageStore: '/no/such/place' };
    const { command } = preflight(here as ClusterProfile, { sif: '/etc/passwd', gpus: true });
    const [program = '', ...words] = command.argv;
    const { stdout } = spawnSync(program, words, { encoding: 'utf8' });
    const facts = understand(stdout);
    expect([...(facts?.room.keys() ?? [])]).toEqual(['/no/such/place', profile.stateDir, profile.workDir]);
    expect(facts?.room.get('/no/such/place')?.free).toBeGreaterThan(0);
    expect(facts?.sif?.bytes).toBeGreaterThan(0);
    expect(facts?.sif?.head.length).toBe(48);
  });
});
