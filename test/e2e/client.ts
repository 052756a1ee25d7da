/** A session as a program reaches it through the proxy: the link's code for a cookie, then requests and WebSockets. */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import WebSocket from 'ws';

export type Reply = { status: number; headers: IncomingMessage['headers']; text: string };

export class Client {
  readonly port: number;
  readonly #host: string;
  #cookie = '';

  private constructor(url: URL) {
    this.port = Number(url.port);
    this.#host = url.host;
  }

  static async enter(link: string): Promise<Client> {
    const url = new URL(link);
    const client = new Client(url);
    const { headers } = await client.send('GET', url.pathname + url.search);
    client.#cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    if (client.#cookie === '') throw new Error(`no cookie for ${link}`);
    return client;
  }

  /** the cookie's value: whoever has it is alice */
  get secret(): string {
    return this.#cookie.slice(this.#cookie.indexOf('=') + 1);
  }

  /** The name of the origin need not be resolved: it is sent as Host. */
  get #headers(): Record<string, string> {
    return { Host: this.#host, Origin: `http://${this.#host}`, Cookie: this.#cookie };
  }

  send(method: string, path: string, body?: unknown): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.port, method, path, headers: this.#headers, timeout: 60_000 };
      const req = request(options, async (res) => {
        let text = '';
        for await (const chunk of res.setEncoding('utf8')) text += chunk;
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text });
      });
      req.on('timeout', () => req.destroy(new Error(`${method} ${path}: no answer within 60 s`)));
      req.on('error', reject);
      req.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async save(path: string, content: string): Promise<void> {
    const { status, text } = await this.send('PUT', `/api/contents/${path}`, { type: 'file', format: 'text', content });
    if (status !== 201 && status !== 200) throw new Error(`saving ${path}: ${status} ${text}`);
  }

  async startKernel(): Promise<string> {
    const { status, text } = await this.send('POST', '/api/kernels', { name: 'python3' });
    if (status !== 201) throw new Error(`no kernel: ${status} ${text}`);
    return (JSON.parse(text) as { id: string }).id;
  }

  open(path: string): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.port}${path}`, { headers: this.#headers });
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(socket));
      socket.once('error', reject);
    });
  }

  /** Runs `code` in the kernel over one WebSocket, which is left open: what it has printed so far, and whether it is closed. */
  async listen(kernel: string, code: string): Promise<{ printed(): string; closed(): boolean; close(): void }> {
    const socket = await this.open(`/api/kernels/${kernel}/channels`);
    let [text, closed] = ['', false];
    socket.on('message', (data) => {
      const { msg_type: type, content } = JSON.parse(String(data)) as { msg_type: string; content: Printed };
      if (type === 'stream') text += content.text ?? '';
    });
    socket.on('close', () => {
      closed = true;
    });
    socket.send(JSON.stringify(executeRequest(code)));
    return { printed: () => text, closed: () => closed, close: () => socket.terminate() };
  }

  /** Runs `code` in the kernel until it has printed something; gives that. The cell may go on: its socket is closed. */
  async run(kernel: string, code: string): Promise<string> {
    const socket = await this.open(`/api/kernels/${kernel}/channels`);
    try {
      return await new Promise<string>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('the cell printed nothing within 60 s')), 60_000);
        socket.on('message', (data) => {
          const { msg_type: type, content } = JSON.parse(String(data)) as { msg_type: string; content: Printed };
          if (type === 'error') reject(new Error(`${content.ename}: ${content.evalue}`));
          if (type !== 'stream') return;
          clearTimeout(timer);
          resolve(content.text ?? '');
        });
        socket.send(JSON.stringify(executeRequest(code)));
      });
    } finally {
      socket.terminate();
    }
  }
}

type Printed = { text?: string; ename?: string; evalue?: string };

/** https://jupyter-client.readthedocs.io/en/stable/messaging.html#execute */
function executeRequest(code: string): object {
  const id = randomUUID();
  const header = { msg_id: id, msg_type: 'execute_request', session: id, username: '', version: '5.3', date: '' };
  const content = { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false };
  return {
    channel: 'shell',
    header: { ...header, date: new Date().toISOString() },
    parent_header: {},
    metadata: {},
    content,
  };
}
