/**
 * The pages of one session that are open in browsers and listen for its end (sessions/agent/page.js). The app's own code
 * runs in the same origin and can say here what it likes: what comes from a page is shown, and decides nothing.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { countOf, parseFields, wordsIn } from '../core/json.ts';
import { harmless } from '../core/text.ts';
import { plain, sendRaw } from './answers.ts';

/** What lies below, at the base of the app, is the proxy's and is never forwarded. */
const OWN = '_hpcbinder/';

const MOST_PAGES = 64;
const MOST_BYTES = 64 << 10;
const MOST_FAILED = 20;
const MOST_UNREAD = 256 << 10;

/** `files`: saved now; `failed`: `path: why` */
export type PageSaves = { pages: number; files: number; failed: readonly string[] };

export class OpenPages {
  readonly #session: string;
  readonly #own: string;
  readonly #pages = new Set<WebSocket>();
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MOST_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  });
  #number = 0;
  readonly #waiting = new Map<WebSocket, (said: { files: number; failed: readonly string[] }) => void>();

  /** `base`: the path of the app, begins and ends with a slash */
  constructor(session: string, base = '/') {
    this.#session = session;
    this.#own = `${base}${OWN}`;
  }

  owns(target: string | undefined): boolean {
    return target?.startsWith(this.#own) === true;
  }

  /** Of an upgrade that was admitted: cookie and origin are the session's. */
  join(req: IncomingMessage, socket: Socket): void {
    if (req.url !== `${this.#own}page`) {
      sendRaw(socket, plain(404, 'There is nothing here.'));
      return;
    }
    if (this.#pages.size >= MOST_PAGES) {
      sendRaw(socket, plain(503, 'Too many pages of this session are open.'));
      return;
    }
    this.#server.handleUpgrade(req, socket, Buffer.alloc(0), (page) => {
      this.#pages.add(page);
      page.on('error', () => page.terminate());
      page.on('close', () => {
        this.#pages.delete(page);
        this.#waiting.get(page)?.({ files: 0, failed: ['a page was closed before it had saved'] });
      });
      page.on('message', (data) => this.#heard(page, String(data)));
      send(page, JSON.stringify({ type: 'hello', session: this.#session }));
    });
  }

  #heard(page: WebSocket, text: string): void {
    const said = parseFields(text);
    if (said?.type !== 'saved' || said.id !== this.#number) return;
    this.#waiting.get(page)?.({
      files: countOf(said.files, 10_000),
      failed: wordsIn(said.failed, MOST_FAILED).map((words) => harmless(words).slice(0, 300)),
    });
  }

  /** `calm`: it goes by itself. */
  tell(text: string, calm = false): void {
    for (const page of this.#pages) send(page, JSON.stringify({ type: 'notice', text, ...(calm ? { calm } : {}) }));
  }

  /**
   * Shows `text` in each page and has it save; a page that says nothing within `ms` is counted as one that failed.
   * `last`: there is no later time, what cannot be saved goes into a file beside.
   */
  async save(text: string, ms: number, last: boolean): Promise<PageSaves> {
    this.#number += 1;
    const id = this.#number;
    const pages = [...this.#pages];
    // the page's own patience is shorter, so that it can still say what it waits for
    const message = JSON.stringify({ type: 'notice', id, text, last, seconds: (ms * 0.6) / 1000 });
    const answers = pages.map(
      (page) =>
        new Promise<{ files: number; failed: readonly string[] }>((resolve) => {
          const timer = setTimeout(() => resolve({ files: 0, failed: ['an open page does not answer'] }), ms);
          this.#waiting.set(page, (said) => {
            clearTimeout(timer);
            resolve(said);
          });
          send(page, message);
        }),
    );
    const said = await Promise.all(answers);
    this.#waiting.clear();
    return {
      pages: pages.length,
      files: said.reduce((sum, { files }) => sum + files, 0),
      failed: said.flatMap(({ failed }) => failed).slice(0, MOST_FAILED),
    };
  }

  close(): void {
    for (const page of this.#pages) page.terminate();
  }
}

/** A page that does not read is none: nothing waits for it in memory. */
function send(page: WebSocket, message: string): void {
  if (page.bufferedAmount > MOST_UNREAD) page.terminate();
  else page.send(message);
}
