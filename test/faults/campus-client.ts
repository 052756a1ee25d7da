/** People at the campus endpoint as scripts: signed in by a reverse proxy's header, which this machine is to it; no browser. */
import { Agent, request } from 'node:http';
import { SECRET } from './campus.ts';
import { addresses } from './relays.ts';

/** Laid over the campus's policy: who this machine says that somebody is, they are. */
export function byHeader(): Record<string, unknown> {
  const secret = { header: 'X-Proxy-Secret', file: '/etc/hpcbinder/client-secret' };
  return { sign_in: { header: { name: 'X-Remote-User', from: [addresses().gateway], secret } } };
}

export type Told = { status: number; headers: NodeJS.Dict<string | string[]>; text: string; ms: number };
export type Launch = { id: string; state: string; session?: string; error?: { code: string; message: string } };
export type Session = { id: string; phase: string; jobId?: string; node?: string; ended?: { why: string } };

export class Client {
  readonly name: string;
  readonly #url: URL;
  readonly #agent = new Agent({ keepAlive: false });
  #cookie = '';
  #xsrf = '';

  private constructor(url: string, name: string) {
    this.#url = new URL(url);
    this.name = name;
  }

  static async signedIn(url: string, name: string): Promise<Client> {
    const client = new Client(url, name);
    const entered = await client.ask('GET', '/sign-in');
    client.#cookie = [entered.headers['set-cookie'] ?? []]
      .flat()
      .map((each) => each.split(';', 1)[0])
      .join('; ');
    client.#xsrf = JSON.parse((await client.ask('GET', '/api/v1/me')).text).xsrf;
    return client;
  }

  /** `host`: of a session's own origin. Status 0: nobody answered within 15 s. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    more: { host?: string; cookie?: string; forMs?: number } = {},
  ): Promise<Told> {
    const { hostname, port, host } = this.#url;
    const began = performance.now();
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = {
      Host: more.host ?? host,
      Cookie: more.cookie ?? this.#cookie,
      ...(more.host ? {} : { 'X-Remote-User': this.name, 'X-Proxy-Secret': SECRET, 'X-Xsrftoken': this.#xsrf }),
      ...(method === 'GET' ? {} : { Origin: this.#url.origin }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
    };
    return new Promise((resolve) => {
      const told = (status: number, said: string, heads: Told['headers'] = {}) =>
        resolve({ status, text: said, headers: heads, ms: Math.round(performance.now() - began) });
      const asking = request(
        { agent: this.#agent, hostname, port, method, path, headers, timeout: 15_000 },
        (answer) => {
          const parts: Buffer[] = [];
          // of a stream its beginning, up to the last whole event
          if (more.forMs) setTimeout(() => answer.destroy(), more.forMs);
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('close', () => told(answer.statusCode ?? 0, Buffer.concat(parts).toString('utf8'), answer.headers));
          answer.on('error', () => undefined);
        },
      );
      asking.on('timeout', () => asking.destroy()).on('error', (error) => told(0, error.message));
      asking.end(text);
    });
  }

  /** E-… in words where it was refused. */
  async launch(link: string, wanted: Record<string, unknown> = {}): Promise<Launch> {
    const asked = { provider: 'git', spec: link.replace(/^v2\/git\//, ''), ...wanted };
    const { status, text } = await this.ask('POST', '/api/v1/launches', asked);
    if (status !== 202) throw new Error(`${status} ${text.slice(0, 500)}`);
    return JSON.parse(text);
  }

  /** What a launch has told by now. */
  async told(id: string): Promise<{ type: string; phase?: string; line?: string; text?: string }[]> {
    const { text } = await this.ask('GET', `/api/v1/launches/${id}/events`, undefined, { forMs: 300 });
    return text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []));
  }

  async launches(): Promise<Launch[]> {
    return JSON.parse((await this.ask('GET', '/api/v1/launches')).text).launches;
  }

  async sessions(): Promise<Session[]> {
    return JSON.parse((await this.ask('GET', '/api/v1/sessions')).text).sessions;
  }

  stop(id: string): Promise<Told> {
    return this.ask('POST', `/api/v1/sessions/${id}/stop`, {});
  }

  /** Of the session's own origin: what its app says at `path`, as a browser has it that opened it. */
  async entered(id: string): Promise<(path: string) => Promise<Told>> {
    const { text } = await this.ask('POST', `/api/v1/sessions/${id}/open`, {});
    const { url } = JSON.parse(text) as { url: string };
    const { host, pathname, search } = new URL(url);
    const swapped = await this.ask('GET', `${pathname}${search}`, undefined, { host, cookie: '' });
    const cookie = [swapped.headers['set-cookie'] ?? []]
      .flat()
      .map((each) => each.split(';', 1)[0])
      .join('; ');
    return (path) => this.ask('GET', path, undefined, { host, cookie });
  }
}
