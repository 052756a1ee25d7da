/** The REST API of a campus endpoint, asked with an API token. No redirect is followed, for the token would go along. */
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import type { LaunchWanted } from '../core/endpoint.ts';
import { HpcbinderError } from '../core/errors.ts';
import { isFields, parseFields, text } from '../core/json.ts';
import { harmless } from '../core/text.ts';
import { PRODUCT } from './version.ts';
import { messages, problemOf, readEvent, readLaunch, type SeenEvent, type SeenLaunch, ToldOnce } from './via-events.ts';

/** A launch looks at the repository and the cluster's offers first, each for 30 s at most. */
const ANSWER_MS = 90_000;
/** The endpoint says something every 25 s. */
const SILENCE_MS = 80_000;
/** Of one breath without the endpoint; the launch goes on there, whatever is heard of it here. */
const GIVE_UP_MS = 600_000;
const LONGEST_PAUSE_MS = 15_000;
const MOST_BYTES = 1 << 20;
const MOST_EVENT = 1 << 18;

type Asked = { method: 'GET' | 'POST' | 'DELETE'; path: string; body?: unknown; accept?: string; signal: AbortSignal };

export type ClientOptions = {
  base: URL;
  token: string;
  /** PEM of authorities that are trusted beside the usual ones */
  ca?: string;
  /** milliseconds without the endpoint after which following ends */
  giveUpMs?: number;
};

/** The file's certificates beside those of Node and of NODE_EXTRA_CA_CERTS, which Node forgets where others are given. */
export function trusted(bundle: string | undefined): { ca?: string } {
  if (bundle === undefined) return {};
  const { NODE_EXTRA_CA_CERTS } = process.env;
  const files = [bundle, ...(NODE_EXTRA_CA_CERTS ? [NODE_EXTRA_CA_CERTS] : [])];
  try {
    return { ca: [...rootCertificates, ...files.map((file) => readFileSync(file, 'utf8'))].join('\n') };
  } catch (cause) {
    throw new HpcbinderError('E-CONFIG', {
      message: `ca_bundle cannot be read: ${(cause as Error).message}`,
      hint: 'It is a file of certificates (PEM) on this machine.',
      cause,
    });
  }
}

export class EndpointClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** The page on which a signed-in browser watches the launch, and opens the session by a click. */
  page(id: string): string {
    return new URL(`launches/${id}`, this.#options.base).href;
  }

  /** Whose the token is. */
  async me(signal: AbortSignal): Promise<{ account: string; shown: string }> {
    const { account, shown } = await this.#json({ method: 'GET', path: 'api/v1/me', signal });
    const name = text(account);
    if (name === undefined) throw this.#strange();
    return { account: harmless(name), shown: harmless(text(shown) ?? name) };
  }

  /** One of the same user for the same thing that is on its way is joined, so this may be said twice. */
  async launch(wanted: LaunchWanted, signal: AbortSignal): Promise<SeenLaunch> {
    return this.#launchOf({ method: 'POST', path: 'api/v1/launches', body: wanted, signal });
  }

  async cancel(id: string, signal: AbortSignal): Promise<SeenLaunch> {
    return this.#launchOf({ method: 'DELETE', path: `api/v1/launches/${id}`, signal });
  }

  /**
   * Each event once, until the launch is over: the last one says how. A broken stream is begun again; E-ENDPOINT when the endpoint
   * was away for ten minutes.
   */
  async *events(id: string, signal: AbortSignal): AsyncGenerator<SeenEvent> {
    const once = new ToldOnce();
    let heard = Date.now();
    for (let failures = 0; ; failures++) {
      once.again();
      try {
        for await (const event of this.#stream(id, signal)) {
          heard = Date.now();
          failures = 0;
          if (once.isNew(event)) yield event;
          if (event.type === 'launch' && event.launch.state !== 'running') return;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof HpcbinderError && error.transient)) throw error;
        if (Date.now() - heard > (this.#options.giveUpMs ?? GIVE_UP_MS)) throw error;
        if (failures === 1) yield { type: 'note', text: `${error.message}; the launch goes on there, trying again` };
      }
      await wait(Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures), undefined, { signal });
    }
  }

  async *#stream(id: string, signal: AbortSignal): AsyncGenerator<SeenEvent> {
    const answer = await this.#ask({
      method: 'GET',
      path: `api/v1/launches/${id}/events`,
      accept: 'text/event-stream',
      signal,
    });
    if (!/^text\/event-stream\b/.test(answer.headers['content-type'] ?? '')) {
      answer.destroy();
      throw this.#strange();
    }
    answer.setEncoding('utf8').setTimeout(SILENCE_MS, () => answer.destroy(new Error('nothing came for 80 s')));
    try {
      for await (const data of messages(answer, MOST_EVENT)) {
        const event = readEvent(data);
        if (event) yield event;
      }
    } catch (error) {
      throw error instanceof HpcbinderError ? error : this.#away(error);
    } finally {
      answer.destroy();
    }
  }

  async #launchOf(asked: Asked): Promise<SeenLaunch> {
    const launch = readLaunch(await this.#json(asked));
    if (!launch) throw this.#strange();
    return launch;
  }

  async #json(asked: Asked) {
    const answer = await this.#ask({
      ...asked,
      signal: AbortSignal.any([asked.signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    const found = parseFields(await this.#body(answer));
    if (!found) throw this.#strange();
    return found;
  }

  async #body(answer: IncomingMessage): Promise<string> {
    let body = '';
    try {
      for await (const chunk of answer.setEncoding('utf8')) {
        body += chunk;
        if (body.length > MOST_BYTES) throw this.#strange();
      }
    } catch (error) {
      throw error instanceof HpcbinderError ? error : this.#away(error);
    }
    return body;
  }

  /** An answer of 2xx whose body is still to be read, or what the endpoint has against it. */
  async #ask({ method, path, body, accept = 'application/json', signal }: Asked): Promise<IncomingMessage> {
    const { base, token, ca } = this.#options;
    const url = new URL(path, base);
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      Accept: accept,
      Authorization: `Bearer ${token}`,
      'User-Agent': PRODUCT,
      ...(sent === undefined
        ? {}
        : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(sent)) }),
    };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      // a connection of its own each time: one that was kept may have died unseen
      const how = { method, headers, signal, agent: false as const, ...(ca === undefined ? {} : { ca }) };
      const req = url.protocol === 'https:' ? requestHttps(url, how) : requestHttp(url, how);
      req.setTimeout(ANSWER_MS, () => req.destroy(new Error('no answer in 90 s')));
      req.on('response', resolve).on('error', reject).end(sent);
    }).catch((error: unknown) => {
      throw signal.aborted && !isTimeout(signal.reason) ? signal.reason : this.#away(error);
    });
    const { statusCode: status = 0 } = answer;
    if (status >= 200 && status < 300) return answer;
    if (status >= 300 && status < 400) {
      answer.destroy();
      throw new HpcbinderError('E-ENDPOINT', {
        message: `${base.href} sends on to ${elsewhere(answer.headers.location, base)}, and the token does not go along`,
        hint: 'Name the endpoint by its own address.',
      });
    }
    throw this.#refused(status, await this.#body(answer));
  }

  #refused(status: number, body: string): HpcbinderError {
    const { base } = this.#options;
    const error = parseFields(body)?.error;
    const problem = isFields(error) ? problemOf(error) : undefined;
    // what stands in front of the endpoint says so while it is restarted
    const transient = status === 429 || status >= 502;
    if (!problem)
      return new HpcbinderError('E-ENDPOINT', {
        message: `${base.href} answered ${status}, and not as an hpcbinder endpoint does`,
        hint: transient ? 'It may be about to start: try again in a minute.' : 'Is this its address, with its path?',
        transient,
      });
    if (status === 401)
      return new HpcbinderError('E-SIGN-IN', {
        message: `${base.href} does not take this API token: it may have expired or been revoked`,
        hint: `Make a new one at ${new URL('tokens', base).href}`,
        next: ['hpcbinder', 'login', base.href],
      });
    const scopes = 'A launch needs a token with the scopes read and launch; stopping one also needs stop.';
    const hint = problem.code === 'E-FORBIDDEN' && !problem.hint ? { hint: scopes } : {};
    return new HpcbinderError(problem.code, { ...hint, ...problem, transient });
  }

  #away(cause: unknown): HpcbinderError {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const { host, href } = this.#options.base;
    if (/CERT|SIGNATURE|ISSUER|ERR_TLS/.test(code))
      return new HpcbinderError('E-ENDPOINT', {
        message: `the certificate of ${host} is not trusted here (${code})`,
        hint: 'An authority of your site stands in ca_bundle of the config, or in the file that NODE_EXTRA_CA_CERTS names.',
        cause,
      });
    return new HpcbinderError('E-ENDPOINT', {
      message: `${href} does not answer (${harmless(code || message)})`,
      hint: 'Is this its address, and does its page open in the browser?',
      transient: true,
      cause,
    });
  }

  #strange(): HpcbinderError {
    return new HpcbinderError('E-ENDPOINT', {
      message: `${this.#options.base.href} answers, and not as an hpcbinder endpoint does`,
      hint: 'Is this its address, with its path?',
    });
  }
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}

function elsewhere(location: string | undefined, base: URL): string {
  return location !== undefined && URL.canParse(location, base.href)
    ? harmless(new URL(location, base).origin)
    : 'another address';
}
