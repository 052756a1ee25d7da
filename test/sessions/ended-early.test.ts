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

  it('F-42: before its script could run, for the node cannot open its directory: where, and the two settings', async () => {
    const job = {
      state: 'ended' as const,
      raw: 'FAILED',
      end: 'failed' as const,
      nodes: ['c2'],
      unopened: true as const,
    };
    const ended = { why: 'failed' as const, at: '2026-01-01T00:00:00Z' };
    const error = await endedEarly(cluster, { ...session, phase: 'ended', job, ended });
    expect(error).toMatchObject({
      code: 'E-NODE-DIRECTORY',
      hint: expect.stringMatching(/hpc .*state_dir: .*work_dir: /),
    });
    expect(error.message).toContain(`${session.directory}: missing, read-only or another one on c2`);
  });

  it('for image or repository lack what its app takes: what is missing, and what brings it', async () => {
    for (const detail of ['the image lacks the R package shiny', 'the repository lacks a Shiny app: none']) {
      const ended = { why: 'app-failed' as const, at: '2026-01-01T00:00:00Z', detail };
      const error = await endedEarly(cluster, { ...session, app: 'shiny', phase: 'ended', ended });
      expect(error).toMatchObject({
        code: 'E-IMAGE-APP',
        message: detail,
        hint: expect.stringContaining('r-cran-shiny'),
      });
    }
  });

  it('F-42: a disk that is full is another fault', async () => {
    const detail = `the work directory ${session.workDirectory}: [Errno 28] No space left on device`;
    const ended = { why: 'failed' as const, at: '2026-01-01T00:00:00Z', detail };
    expect(await endedEarly(cluster, { ...session, phase: 'ended', ended })).toMatchObject({ code: 'E-JOB-FAILED' });
  });

  it.each([
    ['E-NO-PYTHON', 'hpcbinder: this node has no /opt/python3'],
    ['E-NO-CONTAINER', '/opt/apptainer cannot be started: No such file or directory'],
  ])('%s where only the login node has it', async (code, detail) => {
    const ended = { why: 'failed' as const, at: '2026-01-01T00:00:00Z', detail };
    expect(await endedEarly(cluster, { ...session, phase: 'ended', ended })).toMatchObject({ code });
  });
});
