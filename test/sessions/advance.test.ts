import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JOB_STATES, type JobEnd, type JobStatus } from '../../core/scheduler.ts';
import { END_REASONS, type Seen, type Session } from '../../core/session.ts';
import { advance, endInWords, lostAt } from '../../sessions/advance.ts';
import { secondsUntil } from '../../sessions/clocks.ts';
import { session } from './example.ts';

const now = new Date('2026-11-23T12:00:00Z');
const job = (state: JobStatus['state'], more: Partial<JobStatus> = {}): JobStatus => ({
  state,
  raw: state.toUpperCase(),
  nodes: [],
  ...more,
});
const address = { host: 'c2', port: 40_000, startedAt: 1, endsAt: 7201 };

describe('a session’s end', () => {
  const agent = { ready: true, idleSince: 1, busyKernels: 0 };
  const saved = { at: 9, pages: 1, files: 2, failed: [], silent: 0 };

  it('moves where the agent says so, and what was saved is kept with it', () => {
    const moved = advance(
      { ...session, phase: 'ready', endsAt: 100 },
      { agent: { ...agent, endsAt: 400, saved } },
      now,
    );
    expect(moved).toMatchObject({ endsAt: 400, saved });
    expect(advance(moved, { agent }, now)).toMatchObject({ endsAt: 400, saved });
  });

  it('tells what was saved at last', () => {
    const over = advance({ ...session, phase: 'ready' }, { end: { why: 'timeout', at: 10, saved } }, now);
    expect(over).toMatchObject({ phase: 'ended', saved });
  });

  it('is a moment of the cluster’s clock, which may differ from this machine’s', () => {
    const cluster = now.getTime() / 1000 - 7200;
    const ready = advance({ ...session, phase: 'starting' }, { agent: { ...agent, now: cluster } }, now);
    expect(ready.localAhead).toBe(7200);
    expect(secondsUntil(ready, cluster + 60, now)).toBe(60);
    expect(advance(ready, { agent }, now).localAhead).toBe(7200);
    expect(advance(ready, { end: { why: 'idle', at: cluster } }, now).ended?.at).toBe(now.toISOString());
    const forgotten = advance(ready, { job: job('ended', { end: 'timeout', endsAt: cluster - 5 }) }, now);
    expect(Date.parse(forgotten.ended?.at ?? '')).toBe(now.getTime() - 5000);
    // the way of the answer is no difference
    expect(advance(ready, { agent: { ...agent, now: now.getTime() / 1000 - 2 } }, now).localAhead).toBe(0);
  });
});

describe('a session advances by what was seen', () => {
  it.each<[string, Session['phase'], Seen, Session['phase']]>([
    ['a pending job queues it', 'submitting', { job: job('pending') }, 'queued'],
    ['a running job starts it', 'queued', { job: job('running') }, 'starting'],
    ['the address file starts it before the scheduler says so', 'queued', { address }, 'starting'],
    [
      'an agent whose app answers makes it ready',
      'starting',
      { agent: { ready: true, idleSince: 5, busyKernels: 0 } },
      'ready',
    ],
    [
      'an agent whose app does not answer yet leaves it starting',
      'starting',
      { agent: { ready: false, idleSince: 5, busyKernels: 0 } },
      'starting',
    ],
    ['a late pending row does not take a ready one back', 'ready', { job: job('pending') }, 'ready'],
    ['a suspended job stays what it was', 'ready', { job: job('suspended') }, 'ready'],
    ['a word that we do not know changes nothing', 'ready', { job: job('unknown') }, 'ready'],
    ['an unreachable scheduler ends nothing', 'ready', { job: 'unreachable' }, 'ready'],
    ['an unreachable agent ends nothing', 'ready', { agent: 'unreachable' }, 'ready'],
    ['a job that is missed once ends nothing', 'ready', { job: 'missing' }, 'ready'],
    ['a confirmed absence ends it', 'ready', { job: 'absent' }, 'ended'],
    ['the agent’s own end file ends it', 'ready', { end: { why: 'idle', at: 100 } }, 'ended'],
  ])('%s', (_, phase, seen, expected) => {
    expect(advance({ ...session, phase }, seen, now).phase).toBe(expected);
  });

  it.each<[JobEnd, string]>([
    ['timeout', 'timeout'],
    ['out-of-memory', 'out-of-memory'],
    ['node-failed', 'node-failed'],
    ['cancelled', 'cancelled'],
    ['preempted', 'preempted'],
    ['completed', 'app-ended'],
  ])('the scheduler’s %s becomes %s', (end, why) => {
    expect(advance({ ...session, phase: 'ready' }, { job: job('ended', { end }) }, now).ended?.why).toBe(why);
  });

  it('remembers since when the scheduler does not know its job, until it knows it again', () => {
    const later = new Date(now.getTime() + 60_000);
    const missed = advance(advance(session, { job: 'missing' }, now), { job: 'missing' }, later);
    expect(missed.missingSince).toBe(now.toISOString());
    expect(lostAt(missed)).toEqual(new Date(now.getTime() + 300_000));
    expect(lostAt(advance(missed, { job: 'unreachable' }, later))).toEqual(lostAt(missed));
    expect(lostAt(advance(missed, { job: job('running') }, later))).toBeUndefined();
  });

  it('lets the agent’s word go before the scheduler’s', () => {
    const seen: Seen = {
      job: job('ended', { end: 'completed' }),
      end: { why: 'idle', at: 100, detail: 'nobody for 1 h' },
    };
    expect(advance({ ...session, phase: 'ready' }, seen, now).ended).toMatchObject({
      why: 'idle',
      detail: 'nobody for 1 h',
    });
  });

  it('lets the scheduler say that a cancelled one was preempted', () => {
    const seen: Seen = { job: job('ended', { end: 'preempted' }), end: { why: 'cancelled', at: 100 } };
    expect(advance({ ...session, phase: 'ready' }, seen, now).ended?.why).toBe('preempted');
  });

  it('has the work directory that the agent chose, at its end too', () => {
    const seen: Seen = { workDirectory: '/home/alice/hpcbinder/github.com/org/repo-2', end: { why: 'idle', at: 100 } };
    expect(advance(session, seen, now)).toMatchObject({ phase: 'ended', workDirectory: seen.workDirectory });
  });

  it('never leaves the end', () => {
    const over: Session = { ...session, phase: 'ended', ended: { why: 'stopped', at: now.toISOString() } };
    fc.assert(fc.property(anySeen, (seen) => expect(advance(over, seen, now)).toBe(over)));
  });

  it('ends only by a state, a confirmed absence or an end file', () => {
    fc.assert(
      fc.property(anySeen, fc.constantFrom('submitting', 'queued', 'starting', 'ready'), (seen, phase) => {
        const ended = advance({ ...session, phase: phase as Session['phase'] }, seen, now).phase === 'ended';
        const proof =
          seen.job === 'absent' ||
          (typeof seen.job === 'object' && seen.job.state === 'ended') ||
          seen.end !== undefined;
        expect(ended).toBe(proof);
      }),
    );
  });

  it('has a sentence for every end', () => {
    for (const why of END_REASONS) expect(endInWords(why)).toMatch(/^[a-z]/);
  });
});

const anySeen: fc.Arbitrary<Seen> = fc.record(
  {
    job: fc.oneof(
      fc.constantFrom('absent' as const, 'unreachable' as const),
      fc.constantFrom(...JOB_STATES).map((state) => job(state)),
    ),
    address: fc.constant(address),
    agent: fc.constantFrom('unreachable' as const, { ready: true, idleSince: 1, busyKernels: 1 }),
    end: fc.constantFrom(...END_REASONS).map((why) => ({ why, at: 1 })),
  },
  { requiredKeys: [] },
);
