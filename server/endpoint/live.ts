/** The sessions whose app answers: each has a route and is watched until its end. Rebuilt from what is kept, before anybody is asked. */
import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { takesWholePath } from '../../core/apps.ts';
import type { Figures, KeptSession, Services, SessionView, User } from '../../core/endpoint.ts';
import { endInWords } from '../../sessions/advance.ts';
import { openApp } from '../../sessions/control.ts';
import { openStream } from '../../sessions/streams.ts';
import type { SessionAccess } from '../access.ts';
import { AppAgent } from '../agent.ts';
import type { Limits } from '../limits.ts';
import { OpenPages } from '../open-pages.ts';
import type { Door, Route } from '../routes.ts';
import type { Kept, KeptRow } from './kept.ts';
import { changed, heard, type Known, stateOf } from './known.ts';
import { Used } from './used.ts';
import { sessionView } from './view.ts';

/** After a start all agents are to be asked at once: for each session there is so much time, and they stay apart from then on. */
const APART_MS = 20;
/** All open pages come back at once, too: what they show goes before our own questions, and before most WebSockets (SECURITY F-49, F-52). */
const PAGES_FIRST_MS = 10_000;
/** Less than a WebSocket may take to open. */
const MOST_APART_MS = 7_000;
/** of one session, the newest: its agent may say what it likes */
const MOST_WARNINGS = 50;
/** A watch that broke begins again. */
const AGAIN_MS = 15_000;

/** Below the endpoint's own path, where sessions share its origin: `/s/<id>/`. */
const SHARED = /^\/(?:[^?#]*\/)?s\/hb-[a-z0-9]{10}\//;

/** Where browsers have a session: its origin, and the app's path there, between slashes. */
export type Place = { origin: string; base: string };

type Watched = {
  known: Known;
  door: Door;
  at: string;
  used: Used;
  warnings: string[];
  over: AbortController;
};

export type LiveOptions = {
  services: Services;
  kept: Kept;
  limits: Limits;
  /** `https://hb-….binder.example.org` and `/`, or the endpoint's own and `/s/hb-…/` */
  placeOf(id: string, shared: boolean): Place;
  accessOf(record: KeptSession, account: string, place: Place): SessionAccess;
  userOf(account: string): User;
  /** may users put off the end for idleness? */
  mayTouch(): boolean;
  /** address of the page of one's sessions */
  home: string;
  /** sooner than AGAIN_MS: a test */
  againMs?: number;
};

export class Live {
  readonly #options: LiveOptions;
  readonly #all = new Map<string, Watched>();
  /** by the exact value of the Host header, and the app's path behind it */
  readonly #places = new Map<string, Watched>();
  #closed = false;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** Of a request: by its Host alone, or by the path where sessions share one. */
  door({ headers, url = '' }: Pick<IncomingMessage, 'headers' | 'url'>): Door | undefined {
    const host = headers.host ?? '';
    const own = this.#places.get(`${host}/`);
    return (own ?? this.#places.get(`${host}${SHARED.exec(url)?.[0] ?? ''}`))?.door;
  }

  /** With what is known by watching it. */
  view(row: KeptRow): SessionView {
    const watched = this.#all.get(row.record.id);
    return sessionView(watched?.known.row ?? row, watched?.known.silentSince, watched?.used.last);
  }

  figures(id: string): readonly Figures[] {
    return this.#all.get(id)?.used.all() ?? [];
  }

  warnings(id: string): readonly string[] {
    return this.#all.get(id)?.warnings ?? [];
  }

  has(id: string): boolean {
    return this.#all.has(id);
  }

  count(): number {
    return this.#all.size;
  }

  /** `restored`: it was there before this process. */
  add({ record, account, launch, granted }: KeptRow, restored = false): void {
    if (this.#all.has(record.id) || this.#closed) return;
    const { limits, placeOf, accessOf } = this.#options;
    const place = placeOf(record.id, granted?.sharedOrigin === true);
    const known: Known = {
      row: { record, account, ...(launch ? { launch } : {}), ...(granted ? { granted } : {}) },
      reachable: true,
    };
    const over = new AbortController();
    const turn = Math.random() * APART_MS * (this.#all.size + 1);
    const route = this.#route(known, restored ? pause(Math.min(turn, MOST_APART_MS), over.signal) : undefined);
    const below = place.base === '/' || takesWholePath(record.app) ? undefined : place.base;
    const door: Door = {
      route,
      origin: place.origin,
      access: accessOf(record, account, place),
      pages: new OpenPages(record.id, below === undefined ? place.base : '/'),
      ...(below === undefined ? {} : { below }),
      agent: new AppAgent(route.connectApp, limits),
      streams: new AppAgent(route.openStream ?? route.connectApp, limits, 0),
    };
    const at = `${new URL(place.origin).host}${place.base}`;
    const watched: Watched = { known, door, at, used: new Used(), warnings: [], over };
    this.#all.set(record.id, watched);
    this.#places.set(at, watched);
    void pause(turn + (restored ? PAGES_FIRST_MS : 0), over.signal).then(() => this.#watch(watched));
  }

  /** `turn`: no WebSocket sooner */
  #route(known: Known, turn?: Promise<void>): Route {
    const { services } = this.#options;
    const { id, secrets } = known.row.record;
    const connect = () => services.connect(known.row.record, known.row.account);
    return {
      sessionId: id,
      connectApp: () => openApp(connect, id, secrets),
      openStream: async () => {
        await turn;
        return openStream(connect, id, secrets);
      },
      appToken: secrets.appToken,
      cookieKey: secrets.cookieKey,
      state: () => stateOf(known),
      words: () => ({
        repo: known.row.record.repo.shown,
        work: known.row.record.workDirectory,
        relaunch: 'Relaunch in My sessions',
        home: this.#options.home,
        ...(known.row.record.ended ? { ended: endInWords(known.row.record.ended.why) } : {}),
      }),
    };
  }

  /** The newest record of it, from wherever: what is kept follows. */
  update(record: KeptSession): void {
    const watched = this.#all.get(record.id);
    const row = watched?.known.row ?? this.#options.kept.session(record.id);
    if (!row) return;
    this.#options.kept.noteSession(record, row);
    if (watched) {
      watched.known.row = { ...watched.known.row, record };
      if (record.phase === 'ended') this.#end(watched);
    }
  }

  /** What is known of it now; not worth a write. */
  learn(record: KeptSession): void {
    const watched = this.#all.get(record.id);
    if (watched) watched.known.row = { ...watched.known.row, record };
  }

  async #watch(watched: Watched): Promise<void> {
    const { services, userOf } = this.#options;
    const { account } = watched.known.row;
    const keep = (record: KeptSession) => {
      try {
        this.update(record);
      } catch {
        // The state says itself what is wrong with it; here it is tried again with the next answer.
      }
    };
    const how = {
      pages: watched.door.pages,
      mayTouch: this.#options.mayTouch,
      say: (text: string) => {
        watched.warnings = [...watched.warnings, text].slice(-MOST_WARNINGS);
      },
      figures: (figures: Figures) => watched.used.add(figures),
      on: (newer: KeptSession, reachable: boolean) => {
        heard(watched.known, reachable);
        // who follows knows the request as it was when it began to: an extension since then is in ours
        const record = { ...newer, request: watched.known.row.record.request };
        if (changed(watched.known.row.record, record)) keep(record);
        else watched.known.row = { ...watched.known.row, record };
      },
    };
    while (!watched.over.signal.aborted) {
      const followed = services.follow(userOf(account), watched.known.row.record, how, watched.over.signal);
      // a cluster that cannot be reached says nothing of its sessions
      const record = await followed.catch(() => heard(watched.known, false));
      if (record?.phase === 'ended') keep(record);
      if (!watched.over.signal.aborted) await pause(this.#options.againMs ?? AGAIN_MS, watched.over.signal);
    }
  }

  /** The page of the end is shown to those who have it open, for as long as this process lives. */
  #end(watched: Watched): void {
    watched.over.abort();
    watched.door.agent.destroy();
    watched.door.streams.destroy();
    watched.door.pages.close();
    this.#all.delete(watched.known.row.record.id);
    setTimeout(() => this.#places.delete(watched.at), ENDED_MS).unref();
  }

  close(): void {
    this.#closed = true;
    for (const watched of this.#all.values()) {
      watched.over.abort();
      watched.door.pages.close();
      watched.door.agent.destroy();
      watched.door.streams.destroy();
    }
  }
}

const ENDED_MS = 86_400_000;

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return wait(ms, undefined, { signal }).catch(() => {});
}
