import { describe, expect, it } from '@jest/globals';
import type { Cluster } from '../../core/cluster.ts';
import { endedEarly } from '../../sessions/await.ts';
import { session } from './example.ts';

const cluster = {
  profile: { host: 'hpc', python: '/opt/python3', container: { command: '/opt/apptainer', flavor: 'apptainer' } },
  transport: { read: async () => undefined },
} as unknown as Cluster;

describe('a job that ended before its app answered', () => {
  it('killed for its memory: what it asked for, what is known of it, and the flag to raise', async () => {
    const record = { ...session, phase: 'ended' as const, request: { ...session.request, memoryMb: 8192 } };
    const detail = "the node's kernel killed it; exit 137";
    const error = await endedEarly(cluster, {
      ...record,
      ended: { why: 'out-of-memory', at: '2026-01-01T00:00:00Z', detail },
    });
    expect(error).toMatchObject({ code: 'E-JOB-MEMORY', hint: expect.stringContaining('--mem 16GB') });
    expect(error.message).toMatch(/asked for 8 GB .*kernel killed it/);
  });

  it.each([
    ['E-NO-PYTHON', 'hpcbinder: this node has no /opt/python3'],
    ['E-NO-CONTAINER', '/opt/apptainer cannot be started: No such file or directory'],
  ])('%s where only the login node has it', async (code, detail) => {
    const ended = { why: 'failed' as const, at: '2026-01-01T00:00:00Z', detail };
    expect(await endedEarly(cluster, { ...session, phase: 'ended', ended })).toMatchObject({ code });
  });
});
