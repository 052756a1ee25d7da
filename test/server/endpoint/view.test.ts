import { describe, expect, it } from '@jest/globals';
import type { KeptSession } from '../../../core/endpoint.ts';
import { sessionView } from '../../../server/endpoint/view.ts';
import { kept } from '../state/rig.ts';

const HOUR = 3600;
const BEGAN = 1_700_000_000;
const view = (more: Partial<KeptSession>) =>
  sessionView({
    account: 'alice',
    record: {
      ...kept(),
      phase: 'ready',
      startedAt: BEGAN,
      endsAt: BEGAN + 8 * HOUR,
      limits: { idleSeconds: HOUR },
      ...more,
    },
  });

describe('a session, as its owner sees it,', () => {
  it('ends with its walltime', () => {
    expect(view({}).endsAt).toBe(BEGAN + 8 * HOUR);
  });

  it('ends sooner where it becomes too old sooner: an administrator may have made its job longer', () => {
    expect(view({ limits: { idleSeconds: HOUR, maxAgeSeconds: 6 * HOUR } }).endsAt).toBe(BEGAN + 6 * HOUR);
    expect(view({ limits: { idleSeconds: HOUR, maxAgeSeconds: 9 * HOUR } }).endsAt).toBe(BEGAN + 8 * HOUR);
  });

  it('is said to end for idleness where that comes first, and never while a kernel works', () => {
    const since = BEGAN + 5 * HOUR;
    expect(view({ idle: { since, busyKernels: 0 } }).culledAt).toBe(since + HOUR);
    expect(view({ idle: { since, busyKernels: 1 } }).culledAt).toBeUndefined();
    expect(view({ idle: { since: BEGAN + 7.5 * HOUR, busyKernels: 0 } }).culledAt).toBeUndefined();
  });

  it('shows nothing that opens it', () => {
    const { secrets } = kept();
    for (const secret of Object.values(secrets)) expect(JSON.stringify(view({}))).not.toContain(secret);
  });
});
