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
/** What was learned of a job is kept so long for who watches it next. */
const KEPT_MS = 600_000;

export type PollerOptions = {
  /** uid on the cluster */
  owner: number;
  clock?: Clock;
  /** of the site: every interval times this, at least 1 */
  slowdown?: number;
};

/** What a watch has learned of its job; `left`: when nobody watched it any more. */
type Known = { since: number; asked?: number; last?: JobStatus; missedSince?: number | undefined; left?: number };
type Watch = { job: JobRef; on: (sighting: Sighting) => void; interest: () => Interest; known: Known };

export class Poller {
  readonly #transport: Pick<Transport, 'run'>;
  readonly #scheduler: Scheduler;
  readonly #owner: number;
  readonly #clock: Clock;
  readonly #slowdown: number;
  readonly #watches = new Set<Watch>();
  /** of the last watch of each job: who joins later goes on from there, instead of beginning with a query */
  readonly #former = new Map<string, Known>();
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
    const now = this.#clock.now();
    for (const [each, { left }] of this.#former)
      if (left !== undefined && now - left > KEPT_MS) this.#former.delete(each);
    const { left: _, ...known } = this.#former.get(name) ?? { since: now };
    const watch: Watch = { job, on, interest, known };
    this.#watches.add(watch);
    this.#former.set(name, known);
    this.#wake.abort();
    if (!this.#running) void this.#loop();
    return () => {
      this.#leave(watch);
      this.#wake.abort();
    };
  }

  #leave(watch: Watch): void {
    this.#watches.delete(watch);
    watch.known.left ??= this.#clock.now();
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
    const wanted = [...this.#watches].map(({ interest, known: { since, asked, last } }) => {
      // a tunnel that is up is itself the answer to the first question
      if (asked === undefined)
        return since + (interest() === 'live' ? this.#slowdown * pace('running', 0, 'live') : FIRST_MS);
      return asked + this.#slowdown * pace(last?.state, asked - since, interest());
    });
    return Math.max(Math.min(...wanted), this.#asked + this.#slowdown * LEAST_MS);
  }

  async #query(): Promise<void> {
    const watches = [...this.#watches];
    this.#asked = this.#clock.now();
    for (const watch of watches) watch.known.asked = this.#asked;
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
    watch.known.last = status;
    watch.known.missedSince = undefined;
    if (status.state === 'ended') this.#leave(watch);
    watch.on(status);
  }

  /** Positive proof ends it at once; otherwise it takes a second miss, long enough after the first. */
  async #missed(watch: Watch): Promise<void> {
    const now = this.#clock.now();
    const first = watch.known.missedSince === undefined;
    watch.known.missedSince ??= now;
    const late = now - watch.known.missedSince >= CONFIRMED_MS;
    if (!first && !late) return watch.on('missing');
    const final = await this.#final(watch.job);
    if (!this.#watches.has(watch)) return;
    if (final === 'unreachable') return;
    if (final?.state === 'ended') return this.#seen(watch, final);
    if (final !== undefined) return;
    if (!late) return watch.on('missing');
    this.#leave(watch);
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
