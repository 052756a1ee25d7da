/**
 * BinderHub's event stream, as `GET /build/<provider>/<spec>` writes it (REES section 7.5). One instance per reader; a reader
 * that comes later is given the launch's events from the beginning and so sees the same.
 */

import type { LaunchEvent } from '../../core/endpoint.ts';
import type { HpcbinderError } from '../../core/errors.ts';
import { plainText } from '../../core/text.ts';
import { type BinderEvent, Phases } from './phases.ts';

/** BinderHub's: proxies between cut a connection that is silent for a minute. */
export const KEEPALIVE_MS = 25_000;
/** After `ready` the client closes; one that is cut off before would ask again, and launch again. */
export const LINGER_MS = 60_000;
/** What a reader that does not read may leave in our memory; beyond it lines of logs are dropped, then the reader. */
const MANY_BYTES = 256 * 1024;
const TOO_MANY_BYTES = 4 * MANY_BYTES;
/** what was written last still goes, to a reader who reads */
const UNREAD_MS = 10_000;

/** The answer's head. `X-Accel-Buffering`: nginx would collect the events. */
export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-store',
  'x-content-type-options': 'nosniff',
  'x-accel-buffering': 'no',
};

export type Ready = {
  /** of the session's origin */
  url: string;
  /** a code that works once, never the app's own token */
  token: string;
  image: string;
  repo_url: string;
  /** where the repository can be looked at, at this commit */
  binder_ref_url: string;
  /** the endpoint's address; with a slash at its end, for what follows is appended */
  binder_launch_host: string;
  binder_request: string;
  binder_persistent_request: string;
};

/** The part of a response (or of any stream) that is needed. */
export type Sink = {
  write(text: string): boolean;
  end(): void;
  destroy(): void;
  readonly writableLength: number;
  once(event: 'close', listener: () => void): unknown;
};

export class BinderEvents {
  readonly #sink: Sink;
  readonly #phases: Phases;
  readonly #lingerMs: number;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  #left = 0;

  /** `image`: see `imageName`. The head is the caller's to send. */
  constructor(sink: Sink, how: { image?: string; keepaliveMs?: number; lingerMs?: number; now?: () => number } = {}) {
    this.#sink = sink;
    this.#phases = new Phases(how);
    this.#lingerMs = how.lingerMs ?? LINGER_MS;
    this.#timer = setInterval(() => this.#write(':keepalive\n\n'), how.keepaliveMs ?? KEEPALIVE_MS);
    this.#timer.unref();
    sink.once('close', () => this.#end());
  }

  /** `launch` events are for our own pages: what they say comes here as `ready` and `failed`. */
  progress(event: LaunchEvent): void {
    if (event.type === 'launch' || this.#over) return;
    if (event.type === 'log' && this.#sink.writableLength > MANY_BYTES) {
      this.#left += 1;
      return;
    }
    for (const each of this.#phases.of(event)) this.#say(each);
  }

  /** The stream stays open until the reader closes it, for a minute at most. */
  ready(what: Ready): void {
    this.#finish({ phase: 'ready', message: `server running at ${what.url}\n`, ...what }, this.#lingerMs);
  }

  /** The reader closes; nothing follows. `status`: what a plain answer would have had. */
  failed(error: Pick<HpcbinderError, 'code' | 'message' | 'hint'>, status?: number): void {
    const words = [error.message, error.hint].filter((part) => part !== undefined).join('\n');
    const code = status === undefined ? {} : { status_code: status };
    this.#finish({ phase: 'failed', message: `${plainText(words)}\n`, error: error.code, ...code }, 0);
  }

  #finish(event: Record<string, unknown>, lingerMs: number): void {
    if (this.#over) return;
    this.#say(event);
    this.#over = true;
    if (lingerMs === 0) this.#close();
    else setTimeout(() => this.#close(), lingerMs).unref();
  }

  /** A reader who does not read never sees the end, and nothing may be written behind it: an error that ends the process. */
  #close(): void {
    this.#end();
    this.#sink.end();
    setTimeout(() => this.#sink.destroy(), UNREAD_MS).unref();
  }

  #say(event: BinderEvent | Record<string, unknown>): void {
    if (this.#left > 0) {
      const left = this.#left;
      this.#left = 0;
      this.#say({ phase: event.phase, message: `(${left} lines left out: this page does not read fast enough)\n` });
    }
    this.#write(`data: ${JSON.stringify(event)}\n\n`);
  }

  #write(text: string): void {
    if (this.#timer === undefined) return;
    if (this.#sink.writableLength > TOO_MANY_BYTES) this.#sink.destroy();
    else this.#sink.write(text);
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#over = true;
  }
}

/**
 * May the answer be an event stream? RFC 9110 section 12.5.1, read as it is written: upstream splits at `;` only and refuses
 * `text/event-stream, *\/*`. Without the header: no.
 */
export function acceptsEvents(accept: string | undefined): boolean {
  let best = { precision: -1, quality: 0 };
  for (const part of (accept ?? '').toLowerCase().split(',')) {
    const [range = '', ...parameters] = part.split(';').map((word) => word.trim());
    const precision = ['*/*', 'text/*', 'text/event-stream'].indexOf(range);
    const quality = parameters.find((word) => /^q\s*=/.test(word))?.replace(/^q\s*=\s*/, '');
    const value = quality === undefined ? 1 : Number(quality);
    if (precision >= best.precision && precision >= 0)
      best = { precision, quality: Number.isFinite(value) ? value : 0 };
  }
  return best.quality > 0;
}
