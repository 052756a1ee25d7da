/** One query per cluster and interval, however many jobs are watched (DESIGN 9). */
import type { JobId, JobRef, JobStatus, Scheduler } from '../core/scheduler.ts';
import { ask, askAll, type Transport } from '../core/transport.ts';
import { type Clock, systemClock } from './clock.ts';
import { FIRST_MS, type Interest, LEAST_MS, pace } from './pace.ts';

/**
 * `missing`: the scheduler answered without it, once; `absent`: that is confirmed, there is no such job. `unreachable` says
 * nothing of the job.
 */
export type Sighting = JobStatus | 'missing' | 'absent' | 'unreachable';

/** slurm.conf's default MinJobAge. A list that misses a job is believed the second time, this much later (SECURITY R12). */
export const CONFIRMED_MS = 300_000;
/** A tunnel that went down is noticed this soon: until then its job was asked for rarely. */
const NOTICED_MS = 15_000;

export type PollerOptions = {
  /** uid on the cluster */
  owner: number;
  clock?: Clock;
  /** of the site: every interval times this, at least 1 */
  slowdown?: number;
};

type Watch = {
  job: JobRef;
  on: (sighting: Sighting) => void;
  interest: () => Interest;
  since: number;
  asked: number | undefined;
  last: JobStatus | undefined;
  missedSince: number | undefined;
};

export class Poller {
  readonly #transport: Pick<Transport, 'run'>;
  readonly #scheduler: Scheduler;
  readonly #owner: number;
  readonly #clock: Clock;
  readonly #slowdown: number;
  readonly #watches = new Set<Watch>();
  /** the last watch of each job: who joins later goes on from there, instead of beginning with a query */
  readonly #former = new Map<string, Watch>();
  readonly #closed = new AbortController();
  #wake = new AbortController();
  #asked = Number.NEGATIVE_INFINITY;
  #running = false;

  constructor(transport: Pick<Transport, 'run'>, scheduler: Scheduler, options: PollerOptions) {
    this.#transport = transport;
    this.#scheduler = scheduler;
    this.#owner = options.owner;
    this.#clock = options.clock ?? systemClock;
    this.#slowdown = Math.max(1, options.slowdown ?? 1);
  }

  /**
   * Calls back at each answer, until the job has ended, is confirmed absent, or the returned function is called.
   * `interest` says how soon an answer is worth a query. Callbacks must not throw.
   */
  watch(job: JobRef, on: (sighting: Sighting) => void, interest: () => Interest = () => 'usual'): () => void {
    const name = `${job.id} ${job.tag}`;
    const former = this.#former.get(name);
    const watch: Watch = {
      job,
      on,
      interest,
      since: former?.since ?? this.#clock.now(),
      asked: former?.asked,
      last: former?.last,
      missedSince: former?.missedSince,
    };
    this.#watches.add(watch);
    this.#former.set(name, watch);
    this.#wake.abort();
    if (!this.#running) void this.#loop();
    return () => {
      this.#watches.delete(watch);
      this.#wake.abort();
    };
  }

  /** Stops for good: no timer and no query is left, subscribers hear nothing more. */
  close(): void {
    this.#watches.clear();
    this.#closed.abort();
    this.#wake.abort();
  }

  async #loop(): Promise<void> {
    this.#running = true;
    while (this.#watches.size > 0) {
      const wait = this.#due() - this.#clock.now();
      if (wait <= 0) {
        await this.#query();
        continue;
      }
      this.#wake = new AbortController();
      await this.#clock.sleep(Math.min(wait, NOTICED_MS), this.#wake.signal);
    }
    this.#running = false;
  }

  #due(): number {
    const wanted = [...this.#watches].map((watch) => {
      // a tunnel that is up is itself the answer to the first question
      if (watch.asked === undefined)
        return watch.since + (watch.interest() === 'live' ? this.#slowdown * pace('running', 0, 'live') : FIRST_MS);
      return watch.asked + this.#slowdown * pace(watch.last?.state, watch.asked - watch.since, watch.interest());
    });
    return Math.max(Math.min(...wanted), this.#asked + this.#slowdown * LEAST_MS);
  }

  async #query(): Promise<void> {
    const watches = [...this.#watches];
    this.#asked = this.#clock.now();
    for (const watch of watches) watch.asked = this.#asked;
    const answer = await this.#ask(watches.map(({ job }) => job));
    for (const watch of watches) {
      if (!this.#watches.has(watch)) continue;
      const status = answer?.get(watch.job.id);
      if (answer === undefined) watch.on('unreachable');
      else if (status === undefined) await this.#missed(watch);
      else this.#seen(watch, status);
    }
  }

  /** undefined: no answer. A transport may throw when its link is down for good; that is no answer either. */
  async #ask(jobs: readonly JobRef[]): Promise<ReadonlyMap<JobId, JobStatus> | undefined> {
    try {
      const answer = await ask(this.#transport, this.#scheduler.status(jobs, this.#owner), this.#closed.signal);
      return answer.ok ? answer.value : undefined;
    } catch {
      return undefined;
    }
  }

  #seen(watch: Watch, status: JobStatus): void {
    watch.last = status;
    watch.missedSince = undefined;
    if (status.state === 'ended') this.#watches.delete(watch);
    watch.on(status);
  }

  /** Positive proof ends it at once; otherwise it takes a second miss, long enough after the first. */
  async #missed(watch: Watch): Promise<void> {
    const now = this.#clock.now();
    const first = watch.missedSince === undefined;
    watch.missedSince ??= now;
    const late = now - watch.missedSince >= CONFIRMED_MS;
    if (!first && !late) return watch.on('missing');
    const final = await this.#final(watch.job);
    if (!this.#watches.has(watch)) return;
    if (final === 'unreachable') return;
    if (final?.state === 'ended') return this.#seen(watch, final);
    if (final !== undefined) return;
    if (!late) return watch.on('missing');
    this.#watches.delete(watch);
    watch.on('absent');
  }

  async #final(job: JobRef): Promise<JobStatus | undefined | 'unreachable'> {
    try {
      const answer = await askAll(
        this.#transport,
        this.#scheduler.finalStatus(job, job.owner?.uid ?? this.#owner),
        this.#closed.signal,
      );
      return answer.ok ? answer.value : 'unreachable';
    } catch {
      return 'unreachable';
    }
  }
}
