import type { Partition } from '../../core/scheduler.ts';
import type { SessionRecord } from '../../sessions/records.ts';

export const session: SessionRecord = {
  schema: 1,
  id: 'hb-k3f9q2x7ma',
  cluster: 'hpc',
  createdAt: '2026-11-23T11:00:00Z',
  phase: 'submitting',
  repo: { shown: 'org/repo', url: 'https://github.com/org/repo', commit: '4f1c2ab'.padEnd(40, '0') },
  key: 'a'.repeat(32),
  sif: '/scratch/alice/hpcbinder/images/a.sif',
  directory: '/home/alice/.local/state/hpcbinder/sessions/hb-k3f9q2x7ma',
  workDirectory: '/home/alice/hpcbinder/github.com/org/repo',
  app: 'lab',
  request: { partition: 'gpu', cpus: 2, memoryMb: 8192, seconds: 7200, gpus: 1, extra: [] },
  limits: { idleSeconds: 3600 },
  jobId: '48213',
  secrets: { ca: '', clientCert: '', clientKey: '', appToken: '', cookieKey: '' },
};

export function partition(more: Partial<Partition> = {}): Partition {
  return {
    name: 'debug',
    isDefault: true,
    up: true,
    nodes: 2,
    cpusPerNode: 8,
    memoryMbPerNode: 16_000,
    maxSeconds: 4 * 3600,
    gpusPerNode: {},
    allNodesHaveGpus: false,
    architectures: [],
    idleNodes: 2,
    ...more,
  };
}
