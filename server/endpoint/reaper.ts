/**
 * Jobs that outlived their sessions: a launch failed and its job could not be ended, or an end was believed too early (SECURITY
 * F-53). Each minute the sessions that are over are looked for in their owners' queues. What is not in the table is left alone: it
 * is a session of somebody's own command line, or of another endpoint.
 */
import type { Services, User } from '../../core/endpoint.ts';
import { asHpcbinderError } from '../../core/errors.ts';
import type { Kept, KeptRow } from './kept.ts';

const MINUTE_MS = 60_000;
/** A job in order ends by itself in that time. */
const AT_REST_MS = 45_000;
/** A submit whose answer was lost may still become a job: two of them, each with three minutes of search (sessions/adopt.ts). */
const SETTLED_MS = 10 * MINUTE_MS;
/** What ended before this was looked at by a former process, or its walltime has ended it. */
const BACK_MS = 24 * 60 * MINUTE_MS;
/** owners asked for in one look: one query each */
const MOST_QUERIES = 10;

export type ReaperOptions = {
  services: Pick<Services, 'reap'>;
  kept: Kept;
  /** somebody here follows it to its end, or it is a launch on its way */
  watched(id: string): boolean;
  userOf(account: string): User;
  log(line: Record<string, unknown>): void;
  now?(): number;
};

export class Reaper {
  readonly #options: ReaperOptions;
  readonly #now: () => number;
  /** over, and seen to have no job */
  readonly #settled = new Set<string>();
  /** owner and cluster → when they were asked for last, in epoch milliseconds */
  readonly #asked = new Map<string, number>();
  #looking = false;

  constructor(options: ReaperOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** @returns ends it */
  begin(everyMs: number = MINUTE_MS): () => void {
    const timer = setInterval(() => void this.look(), everyMs).unref();
    return () => clearInterval(timer);
  }

  /** Never throws: a scheduler that does not answer is asked again in the next minute. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (const [key, rows] of this.#due().slice(0, MOST_QUERIES)) {
        this.#asked.set(key, this.#now());
        await this.#reap(rows);
      }
    } catch (cause) {
      this.#options.log({ event: 'reaper', words: asHpcbinderError(cause).message });
    } finally {
      this.#looking = false;
    }
  }

  /** By owner and cluster: who was not asked for the longest time first, so that those that fail each time hold up nobody. */
  #due(): [key: string, rows: KeptRow[]][] {
    const { kept, watched } = this.#options;
    const since = this.#now() - BACK_MS;
    const over = kept.sessions({ endedSince: since }).filter(({ record }) => !this.#settled.has(record.id));
    // nobody here follows it, and its launch says why
    const left = kept.sessions({ live: true }).filter((row) => !watched(row.record.id) && isOver(row.launch, kept));
    const groups = new Map<string, KeptRow[]>();
    for (const row of [...left, ...over].reverse()) {
      if (this.#now() - overSince(row) < AT_REST_MS) continue;
      const key = `${row.account} ${row.record.cluster}`;
      groups.set(key, [...(groups.get(key) ?? []), row]);
    }
    const lastAsked = ([key]: readonly [string, unknown]) => this.#asked.get(key) ?? 0;
    return [...groups].sort((a, b) => lastAsked(a) - lastAsked(b));
  }

  async #reap(rows: readonly KeptRow[]): Promise<void> {
    const { services, kept, userOf, log } = this.#options;
    const [first] = rows;
    if (!first) return;
    const ids = new Set(rows.map(({ record }) => record.id));
    const { account } = first;
    const found = await services.reap(userOf(account), first.record.cluster, ids).catch((cause: unknown) => {
      log({ event: 'reaper', account, cluster: first.record.cluster, words: asHpcbinderError(cause).message });
      return undefined;
    });
    if (found === undefined) return;
    for (const session of found) {
      log({ event: 'reaped', session, account });
      kept.audit.write({ account, action: 'reap', session, detail: 'its session was over, and its job was not' });
    }
    for (const row of rows) if (!found.includes(row.record.id)) this.#without(row);
  }

  /** The scheduler has no job of it. */
  #without(row: KeptRow): void {
    const { record, ...of } = row;
    if (record.jobId === undefined && this.#now() - overSince(row) < SETTLED_MS) return;
    if (record.phase !== 'ended') {
      const { kept } = this.#options;
      const at = new Date(this.#now()).toISOString();
      const cancelled = of.launch !== undefined && kept.launch(of.launch)?.state === 'cancelled';
      kept.noteSession({ ...record, phase: 'ended', ended: { why: cancelled ? 'stopped' : 'failed', at } }, of);
    }
    this.#settled.add(record.id);
  }
}

function isOver(launch: string | undefined, kept: Kept): boolean {
  const state = launch === undefined ? undefined : kept.launch(launch)?.state;
  return state === 'failed' || state === 'cancelled';
}

/** Epoch milliseconds; of one that nobody ended, its beginning. */
function overSince({ record }: KeptRow): number {
  return Date.parse(record.ended?.at ?? record.createdAt);
}
