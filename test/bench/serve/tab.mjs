// A browser's tab with a WebSocket to its session: opened by HTTP as a browser does, then bytes, which is what frames are to all
// that lies between. Where it is cut it comes back as JupyterLab's kernel connections do.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

export function upgradeOf({ host, cookie }, path) {
  const key = randomBytes(16).toString('base64');
  return [
    `GET ${path} HTTP/1.1`,
    ...[`Host: ${host}`, `Origin: http://${host}`, `Cookie: ${cookie}`, 'Connection: Upgrade', 'Upgrade: websocket'],
    ...['Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${key}`, '', ''],
  ].join('\r\n');
}

const WORDS = Buffer.from('a message of a kernel, of this length or so\n');

/** what is measured is 30 s at most; a fault is told, and not waited for */
const GIVEN_UP_MS = 120_000;

export class Tab {
  cuts = 0;
  /** attempts that came to nothing */
  refused = 0;
  /** the last of them, in words */
  why = '';
  /** bytes */
  sent = 0;
  echoed = 0;
  #port;
  #session;
  #socket;
  #over = false;

  constructor(port, session) {
    this.#port = port;
    this.#session = session;
  }

  get isOpen() {
    return this.#socket !== undefined;
  }

  /** Rejects where the answer is no 101. */
  #try() {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#port, '127.0.0.1');
      let head = '';
      const hear = (data) => {
        head += data.toString('latin1');
        if (!head.includes('\r\n\r\n')) return;
        socket.off('data', hear);
        if (!head.startsWith('HTTP/1.1 101 ')) {
          socket.destroy();
          reject(new Error(`${this.#session.host}: ${head.split('\r\n', 1)[0]}`));
          return;
        }
        this.#socket = socket;
        socket.on('data', (echo) => {
          this.echoed += echo.length;
        });
        resolve();
      };
      socket.on('data', hear);
      socket.on('error', () => {});
      socket.once('close', () => {
        reject(new Error(`${this.#session.host}: closed`));
        if (this.#socket === socket) this.#cut();
      });
      socket.write(upgradeOf(this.#session, '/ws/echo'));
    });
  }

  say() {
    if (this.#socket?.write(WORDS)) this.sent += WORDS.length;
  }

  close() {
    this.#over = true;
    this.#socket?.destroy();
  }

  #cut() {
    this.#socket = undefined;
    if (this.#over) return;
    this.cuts++;
    void this.open();
  }

  /** @jupyterlab/services, kernel/default.ts, `_reconnect`: a random wait of up to 0, 1, 3, 7 … seconds. */
  async open() {
    const since = Date.now();
    for (let attempt = 0; !this.#over && !this.isOpen; attempt++) {
      if (Date.now() - since > GIVEN_UP_MS) throw new Error(`no WebSocket within ${GIVEN_UP_MS} ms: ${this.why}`);
      await wait(Math.random() * 1000 * (2 ** attempt - 1));
      await this.#try().catch(({ message }) => {
        this.refused++;
        this.why = message;
      });
    }
  }
}
