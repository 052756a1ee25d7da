/** A clock that jumps, and a scheduler of two words over a queue in memory: time and silence at will, without Slurm. */

import type { Command, CommandResult, Question } from '../../core/command.ts';
import { ok, refused, unreachable } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { JobId, JobSpec, JobStatus, Scheduler } from '../../core/scheduler.ts';
import type { Clock } from '../../jobs/clock.ts';
import { slurm } from '../../schedulers/slurm/index.ts';

/** Jumps to the earliest sleeper once everything else has settled. */
export class JumpingClock implements Clock {
  #now = 1_800_000_000_000;
  #sleepers: { until: number; wake: () => void }[] = [];
  now = () => this.#now;
  get sleeping(): number {
    return this.#sleepers.length;
  }
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = {
        until: this.#now + milliseconds,
        wake: () => {
          this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
          signal?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });
  }
  /** Runs the world for that long. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await settle();
      const [next] = this.#sleepers.sort((a, b) => a.until - b.until);
      if (next === undefined || next.until > end) break;
      this.#now = Math.max(this.#now, next.until);
      next.wake();
    }
    this.#now = end;
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

const nothing: CommandResult = {
  ended: { kind: 'exit', code: 0 },
  stdout: new Uint8Array(),
  stderr: new Uint8Array(),
  truncated: false,
};

export const spec: JobSpec = {
  tag: 'hb-abcdefghij',
  directory: '/home/alice/s',
  request: { cpus: 1, memoryMb: 100, seconds: 60, gpus: 0, extra: [] },
  comment: 'hpcbinder',
  log: 'job.log',
};

/** `asked` is every question in order; `down` makes the scheduler silent; `lose` loses the next answers to a submit. */
export class FakeCluster {
  readonly asked: string[] = [];
  readonly queue = new Map<JobId, JobStatus>();
  readonly ended = new Map<JobId, JobStatus>();
  readonly names = new Map<string, JobId>();
  down = false;
  lose: 'accepted' | 'dropped' | undefined;
  log = '';
  #next = 100;

  run = async (_command: Command): Promise<CommandResult> => nothing;
  read = async (_path: string, range = { offset: 0 }) => {
    const data = new TextEncoder().encode(this.log).slice(range.offset);
    return (async function* () {
      yield data;
    })();
  };

  #ask<T>(what: string, answer: () => ReturnType<Question<T>['parse']>): Question<T> {
    const silent = unreachable(new HpcbinderError('E-SCHEDULER-DOWN', { message: 'down', transient: true }));
    return {
      command: { argv: [what] },
      parse: () => {
        this.asked.push(what);
        return this.down ? silent : answer();
      },
    };
  }

  readonly scheduler: Scheduler = {
    ...slurm,
    submit: (job) =>
      this.#ask('submit', () => {
        if (job.request.cpus > 99) return refused(new HpcbinderError('E-LIMIT', { message: 'too many' }));
        const lost = this.lose;
        if (lost !== 'dropped') {
          const id = String(this.#next++);
          this.names.set(job.tag, id);
          this.queue.set(id, { state: 'pending', raw: 'PENDING', nodes: [] });
          if (lost === undefined) return ok(id);
        }
        return unreachable(new HpcbinderError('E-SUBMIT-UNKNOWN', { message: 'lost', transient: true }));
      }),
    status: (jobs) =>
      this.#ask('status', () => ok(new Map([...this.queue].filter(([id]) => jobs.some((job) => job.id === id))))),
    finalStatus: ({ id }) => ({
      questions: [this.#ask('final', () => ok(this.ended.get(id)))],
      combine: ([answer]) => answer as never,
    }),
    find: (tag) => ({
      questions: [this.#ask('find', () => ok(this.names.get(tag)))],
      combine: ([answer]) => answer as never,
    }),
    cancel: ({ id }) =>
      this.#ask('cancel', () => {
        const over = !this.queue.has(id);
        if (!over) this.queue.set(id, { state: 'ended', raw: 'CANCELLED', end: 'cancelled', nodes: [] });
        return ok(over ? ('already-over' as const) : ('cancelled' as const));
      }),
  };
}
