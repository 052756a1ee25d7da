/**
 * While a session is open here: the agent's warnings before its end. At each the open pages are asked to save, and what
 * came of it is said: here, in the launch's story, in the record and in `status`.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { hasKernels } from '../core/apps.ts';
import type { Cluster } from '../core/cluster.ts';
import type { PageSaves } from '../server/open-pages.ts';
import { hereAt, secondsUntil } from '../sessions/clocks.ts';
import { controlRequest } from '../sessions/control.ts';
import { followNotices, type Notice } from '../sessions/notices.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { clock } from '../sessions/words.ts';
import { type Idleness, Idling } from './idling.ts';
import { savedInWords, shortId } from './words.ts';
import { toAgent } from './world.ts';

/** Where the agent is silent these are told from here, a little later. */
const WARN_SECONDS = [900, 300, 60];
const LATE_SECONDS = 20;
const AGAIN_MS = 5_000;
/** The scheduler counts in minutes. */
const MOVED_SECONDS = 60;

export type Pages = {
  save(text: string, ms: number, last: boolean): Promise<PageSaves>;
  /** `calm`: nobody has to do anything, so it goes by itself */
  tell(text: string, calm?: boolean): void;
};

/** Where what is said goes: a terminal, or the endpoint's page. */
export type Sayings = {
  say(text: string, event: Record<string, unknown>): void;
  /** for the launch's story alone */
  note(text: string): void;
  /** how one goes on later: `hpcbinder launch --continue …` */
  later: string;
  /** how else than by using it an end for idleness is put off */
  stays?(): string | undefined;
};

export class Ending {
  readonly #cluster: Cluster;
  readonly #pages: Pages;
  readonly #how: Sayings;
  #record: SessionRecord;
  /** the moments that were told, in seconds before the end */
  readonly #warned = new Set<number>();
  readonly #idling = new Idling();

  constructor(cluster: Cluster, record: SessionRecord, pages: Pages, how: Sayings) {
    this.#cluster = cluster;
    this.#record = record;
    this.#pages = pages;
    this.#how = how;
    // what has passed when one comes back to a session is in the lines that one is shown then
    this.#mark(this.#left(record.endsAt));
  }

  /** Listens to the agent until `signal`, also when it comes back at another address. */
  async listen(signal: AbortSignal): Promise<void> {
    const connect = () => toAgent(this.#cluster, this.#record)();
    const on = {
      moved: (endsAt: number) => this.#moved(endsAt),
      save: (notice: Exclude<Notice, { kind: 'moved' }>) => this.#save(notice),
    };
    while (!signal.aborted) {
      await followNotices(connect, this.#record.id, this.#record.secrets, on, signal).catch(() => {});
      await wait(AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** The newest record. Warns from here where the agent has not: it cannot be reached, or is of an older version. */
  look(record: SessionRecord): void {
    if (record.endsAt !== this.#record.endsAt) this.#warned.clear();
    this.#record = record;
    const left = this.#left(record.endsAt);
    if (!WARN_SECONDS.some((moment) => left <= moment - LATE_SECONDS && !this.#warned.has(moment))) return;
    const told = this.#mark(left);
    if (told)
      this.#how.say(`${this.#words(left)}\nThe agent does not answer: nothing could be saved.`, { endsIn: left });
  }

  /** The newest record, as the agent told it a moment ago: an end for idleness is said where the session is open, too. */
  idle(record: SessionRecord): void {
    const idleness = this.#idling.look(record, new Date());
    if (!idleness) return;
    const words = this.#idleWords(idleness);
    this.#pages.tell(words, idleness.kind === 'used');
    this.#how.say(words, idleness.kind === 'near' ? { idleEndsIn: Math.round(idleness.left) } : {});
  }

  #idleWords(idleness: Idleness): string {
    const id = shortId(this.#record.id);
    if (idleness.kind === 'used') return `${id} is in use again, and stays.`;
    const use = hasKernels(this.#record.app) ? 'Run a cell or save a file' : 'Work in it';
    const minutes = (seconds: number) => `${Math.max(1, Math.round(seconds / 60))} min`;
    const end = clock(hereAt(this.#record, idleness.at), new Date());
    const other = this.#how.stays?.();
    const stays = other === undefined ? '' : `; or ${other}`;
    // JupyterLab cuts what is longer than 140 letters
    return `${id} ends in ${minutes(idleness.left)} (${end}), not used for ${minutes(idleness.unused)}. ${use} and it stays${stays}.`;
  }

  /** The scheduler has another end than the agent: by `extend` from another machine, or by an administrator. */
  async schedulerSays(endsAt: number | undefined): Promise<void> {
    const { endsAt: known, id, secrets, address } = this.#record;
    if (endsAt === undefined || known === undefined || !address || Math.abs(endsAt - known) < MOVED_SECONDS) return;
    const connect = toAgent(this.#cluster, this.#record);
    await controlRequest(connect, id, secrets, { verb: 'ends', at: endsAt }).catch(() => {});
  }

  #left(endsAt: number | undefined): number {
    return endsAt ? secondsUntil(this.#record, endsAt, new Date()) : Number.POSITIVE_INFINITY;
  }

  /** Is one of them new? */
  #mark(left: number): boolean {
    const due = WARN_SECONDS.filter((moment) => left <= moment && !this.#warned.has(moment));
    for (const moment of due) this.#warned.add(moment);
    return due.length > 0;
  }

  #moved(endsAt: number): void {
    this.look({ ...this.#record, endsAt });
    const words = `${shortId(this.#record.id)} now ends at ${this.#at()}.`;
    this.#pages.tell(words, true);
    this.#how.say(words, { endsAt });
  }

  async #save(notice: Exclude<Notice, { kind: 'moved' }>): Promise<PageSaves> {
    const last = notice.kind === 'end';
    const left = this.#left(notice.endsAt);
    // by half a minute, for a warning may come while the clocks differ a little
    this.#mark(left - 30);
    const words = last ? `${shortId(this.#record.id)} ends now. ${this.#keep()}` : this.#words(left);
    // a second less than the agent waits: its answer has a way to go
    const saves = await this.#pages.save(words, Math.max(1, notice.seconds - 1) * 1000, last);
    const said = savedInWords({ ...saves, at: 0, silent: 0 }, this.#record.app);
    if (last) this.#how.note(said);
    else this.#how.say(`${words}\n${said}`, { endsIn: Math.round(left), saved: saves });
    return saves;
  }

  #words(left: number): string {
    const minutes = Math.max(1, Math.round(left / 60));
    return `${shortId(this.#record.id)} ends in ${minutes} min (${this.#at()}). ${this.#keep()}`;
  }

  #at(): string {
    return clock(hereAt(this.#record, this.#record.endsAt ?? 0), new Date());
  }

  #keep(): string {
    return `Your work is kept; go on later with: ${this.#how.later}`;
  }
}
