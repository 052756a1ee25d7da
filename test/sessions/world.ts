/** A cluster whose time is a table: what its files, scheduler and agent say at each look. */
import type { Cluster } from '../../core/cluster.ts';
import { type CommandResult, ok, unreachable } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { JobStatus } from '../../core/scheduler.ts';
import type { Seen } from '../../core/session.ts';
import { bytes } from '../../core/transport.ts';
import type { Sighting } from '../../jobs/poller.ts';
import type { AwaitWorld } from '../../sessions/await.ts';
import type { SessionRecord } from '../../sessions/records.ts';
import { session } from './example.ts';

export type Moment = {
  job?: Sighting;
  address?: boolean;
  end?: { why: string; detail?: string };
  agent?: Seen['agent'];
  /** the link is down: every command is lost, or throws as a transport does that gave up */
  link?: 'lost' | 'thrown';
  /** the scheduler does not answer to a cancel */
  refusesCancel?: boolean;
};

export const START = Date.parse('2026-11-23T12:00:00Z');
export const jobOf = (state: JobStatus['state'], more: Partial<JobStatus> = {}): JobStatus => ({
  state,
  raw: state.toUpperCase(),
  nodes: [],
  ...more,
});
const text = (value: string) => new TextEncoder().encode(value);

/** One moment per sleep; the last one stays. */
export function worldOf(moments: readonly Moment[], more: { final?: JobStatus; logs?: Record<string, string> } = {}) {
  let at = 0;
  let clock = START;
  let tell: ((sighting: Sighting) => void) | undefined;
  const kept: SessionRecord[] = [];
  const asked: string[] = [];
  const now = (): Moment => moments[Math.min(at, moments.length - 1)] ?? {};
  const announce = () => {
    const { job } = now();
    if (job !== undefined) tell?.(job);
  };

  const files = (): string => {
    const { address, end } = now();
    const place = { schema: 1, session: session.id, host: 'c2', port: 40_000, startedAt: START / 1000, endsAt: 0 };
    const parts = [address ? place : undefined, end ? { schema: 1, at: START / 1000, ...end } : undefined, undefined];
    return parts.map((part) => `${part === undefined ? '' : JSON.stringify(part)}\u001e`).join('');
  };
  const run = async ({ argv }: { argv: readonly string[] }): Promise<CommandResult> => {
    asked.push(
      argv.includes('look') ? 'look' : argv[0] === 'sacct' ? 'final' : argv[0] === 'scancel' ? 'cancel' : 'save',
    );
    if (now().link === 'thrown') throw new Error('the link is down');
    const ended = now().link === 'lost' ? ({ kind: 'lost', cause: 0 } as const) : ({ kind: 'exit', code: 0 } as const);
    return { ended, stdout: text(files()), stderr: text(''), truncated: false };
  };
  const cluster = {
    profile: {
      host: 'hpc',
      uid: 1000,
      python: '/usr/bin/python3',
      container: { command: '/usr/bin/apptainer', flavor: 'apptainer' },
    },
    transport: {
      run,
      read: async (path: string) => {
        const log = more.logs?.[path.split('/').pop() ?? ''];
        return log === undefined ? undefined : bytes(log);
      },
    },
    scheduler: {
      cancel: () => ({
        command: { argv: ['scancel'] },
        parse: () =>
          now().refusesCancel
            ? unreachable(new HpcbinderError('E-SCHEDULER-DOWN', { message: 'silent', transient: true }))
            : ok('cancelled'),
      }),
      finalStatus: () => ({
        questions: [{ command: { argv: ['sacct'] }, parse: () => ok(undefined) }],
        combine: () => ok(more.final),
      }),
    },
    partitions: [],
  } as unknown as Cluster;

  const world: AwaitWorld = {
    watchJob: (_, on) => {
      tell = on;
      announce();
      return () => {
        tell = undefined;
      };
    },
    agent: async () => now().agent ?? 'unreachable',
    keep: (record) => void kept.push(record),
    now: () => new Date(clock),
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      clock += ms;
      at++;
      announce();
    },
  };
  return {
    world,
    cluster,
    kept,
    asked,
    looks: () => at,
    elapsed: () => clock - START,
    watched: () => tell !== undefined,
  };
}
