/**
 * At most so many sessions are ended for idleness in one minute (`culling.at_once`). The agents end them by themselves, by what
 * they have seen and with the endpoint down (DESIGN 7); the endpoint asks those that are too many to wait a little longer. An
 * agent that does not answer is asked nothing and ends as it would: nobody is ended by this, and nobody sooner.
 */
import type { KeptSession, Services, SessionView, User } from '../../core/endpoint.ts';
import { asHpcbinderError } from '../../core/errors.ts';
import type { Kept, KeptRow } from './kept.ts';

const EVERY_MS = 15_000;
/** the minute of `at_once`, seconds */
const MINUTE = 60;
/** who ends later than this is looked at again before, seconds */
const AHEAD = 120;
/** at one time; whoever has to wait longer is asked again, seconds */
const MOST_PUT_OFF = 600;
/** agents that are asked at once */
const TOGETHER = 8;

export type Due = { id: string; at: number };

/** Who is to wait, and for how many seconds. `due`: all that idleness is going to end, epoch seconds. Pure. */
export function toPutOff(due: readonly Due[], atOnce: number, now: number): { id: string; seconds: number }[] {
  const order = [...due].sort((a, b) => a.at - b.at || a.id.localeCompare(b.id));
  const slots: number[] = [];
  const waits: { id: string; seconds: number }[] = [];
  for (const { id, at } of order) {
    const slot = Math.max(at, (slots.at(-atOnce) ?? Number.NEGATIVE_INFINITY) + MINUTE);
    slots.push(slot);
    const seconds = Math.min(Math.ceil(slot - at), MOST_PUT_OFF);
    if (seconds > 0 && at - now < AHEAD) waits.push({ id, seconds });
  }
  return waits;
}

export type CullsOptions = {
  services: Pick<Services, 'touch'>;
  kept: Pick<Kept, 'sessions'>;
  view(row: KeptRow): SessionView;
  userOf(account: string): User;
  atOnce(): number;
  /** what the agent said then */
  learned(record: KeptSession): void;
  log(line: Record<string, unknown>): void;
};

export class Culls {
  readonly #options: CullsOptions;
  #looking = false;

  constructor(options: CullsOptions) {
    this.#options = options;
  }

  /** Until the answer is called. */
  begin(): () => void {
    const timer = setInterval(() => void this.look(Date.now() / 1000), EVERY_MS).unref();
    return () => clearInterval(timer);
  }

  /** Never throws: while the state's disk fails nobody is put off, and it looks again after a quarter of a minute. */
  async look(now: number): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#look(now);
    } catch (cause) {
      this.#options.log({ event: 'culls', words: asHpcbinderError(cause).message });
    } finally {
      this.#looking = false;
    }
  }

  async #look(now: number): Promise<void> {
    const { kept, view, atOnce, log } = this.#options;
    const rows = new Map(kept.sessions({ live: true }).map((row) => [row.record.id, row]));
    const due = [...rows.values()].flatMap((row) => {
      const { culledAt, phase } = view(row);
      return phase === 'ready' && culledAt !== undefined ? [{ id: row.record.id, at: culledAt }] : [];
    });
    const waits = toPutOff(due, atOnce(), now);
    if (waits.length === 0) return;
    let asked = 0;
    for (let first = 0; first < waits.length; first += TOGETHER) {
      const some = waits.slice(first, first + TOGETHER);
      const done = await Promise.all(some.map(({ id, seconds }) => this.#putOff(rows.get(id), seconds)));
      asked += done.filter(Boolean).length;
    }
    log({ event: 'culls', due: due.length, putOff: asked });
  }

  async #putOff(row: KeptRow | undefined, seconds: number): Promise<boolean> {
    const { services, userOf, learned } = this.#options;
    const idle = row?.record.idle;
    if (!row || !idle) return false;
    try {
      await services.touch(userOf(row.account), row.record, seconds);
    } catch {
      // silent: it ends as it would
      return false;
    }
    // the next look comes before the agent is asked again
    learned({ ...row.record, idle: { ...idle, since: idle.since + seconds } });
    return true;
  }
}
