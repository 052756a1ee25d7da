import { describe, expect, it } from '@jest/globals';
import { archivePath } from '../../devcluster/bases.ts';
import { isUsable, parseNodes } from '../../devcluster/health.ts';

describe("Slurm's view of the nodes", () => {
  it('is one record a node, though sinfo has a line for each of its partitions', () => {
    // sinfo -h -N -o '%N|%T|%R|%G' of a devcluster, Slurm 24.11.5
    const text = 'c1|idle|debug|(null)\nc2|idle|gpu|gpu:fake:2\nc2|idle|debug|gpu:fake:2\n';
    expect(parseNodes(text)).toEqual([
      { node: 'c1', state: 'idle', partitions: ['debug'], gres: '' },
      { node: 'c2', state: 'idle', partitions: ['gpu', 'debug'], gres: 'gpu:fake:2' },
    ]);
  });

  it('is read from the fake PBS, too', () => {
    const node = (ngpus?: number) => ({ state: 'free', resources_available: { ncpus: 8, ...(ngpus && { ngpus }) } });
    const text = JSON.stringify({ pbs_version: '23.06.06-FAKE', nodes: { c1: node(), c2: node(2) } });
    expect(parseNodes(text)).toEqual([
      { node: 'c1', state: 'free', partitions: ['workq', 'gpu'], gres: '' },
      { node: 'c2', state: 'free', partitions: ['workq', 'gpu'], gres: 'ngpus:2' },
    ]);
    expect(['free', 'job-busy', 'down'].map(isUsable)).toEqual([true, true, false]);
  });

  it('takes a node for usable only when slurmctld hears from it', () => {
    expect(['idle', 'mixed', 'allocated'].map(isUsable)).toEqual([true, true, true]);
    expect(['idle*', 'down', 'down*', 'drained', 'unknown'].some(isUsable)).toBe(false);
  });
});

describe('the archive of a base image', () => {
  it('has a name without a slash or colon, and another one for another image id', () => {
    const image = 'docker.io/library/python:3.13-slim-trixie';
    const path = archivePath(image, 'sha256:0123456789abcdef');
    expect(path).toBe('/scratch/bases/docker.io_library_python_3.13-slim-trixie-0123456789ab.tar');
    expect(archivePath(image, 'sha256:fedcba9876543210')).not.toBe(path);
  });
});
