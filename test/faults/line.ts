/** The network between the laptop and sshd, as a TCP relay on loopback: narrow, far, counted, silent for a while. */
import { createConnection, createServer, type Server, type Socket } from 'node:net';

export class Line {
  /** bytes that went to sshd, over all connections */
  sent = 0;
  /** how often something went to sshd after something had come from it: the answers that were waited for */
  turns = 0;
  #heard = false;
  /** each way of each connection; without it as fast as it goes */
  bytesPerSecond: number | undefined;
  /** milliseconds of each way: `ms`, more or less `jitter`; the order stays */
  delay: { ms: number; jitter: number } | undefined;
  #silent = false;
  /** where new connections go: another node behind the same name */
  to: { host: string; port: number };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #lost = new Set<Socket>();

  private constructor(server: Server, to: Line['to']) {
    this.#server = server;
    this.to = to;
  }

  static async to(port: number): Promise<Line> {
    const server = createServer({ pauseOnConnect: true });
    const line = new Line(server, { host: '127.0.0.1', port });
    server.on('connection', (client) => {
      const upstream = createConnection(line.to);
      line.#carry(client, upstream, true);
      line.#carry(upstream, client, false);
      for (const socket of [client, upstream]) {
        line.#sockets.add(socket);
        const over = () => [client, upstream].forEach((one) => void one.destroy());
        // what is still on its way arrives first
        socket.on('error', () => {}).on('close', () => setTimeout(over, line.#longest));
        if (line.#silent) socket.pause();
        else socket.resume();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return line;
  }

  #carry(from: Socket, to: Socket, counted: boolean): void {
    const way: Buffer[] = [];
    let due = 0;
    from.on('data', (data) => {
      if (counted) {
        this.sent += data.length;
        this.turns += Number(this.#heard);
        this.#heard = false;
      }
      due = Math.max(due, performance.now() + this.#ms());
      way.push(data);
      // the oldest first, whichever timer is the first
      const arrive = () => {
        if (!counted) this.#heard = true;
        to.write(way.shift() ?? '');
      };
      if (this.delay || way.length > 1) setTimeout(arrive, due - performance.now());
      else arrive();
      if (this.bytesPerSecond === undefined) return;
      from.pause();
      setTimeout(
        () => this.#silent || this.#lost.has(from) || from.resume(),
        (1000 * data.length) / this.bytesPerSecond,
      );
    });
  }

  #ms(): number {
    return this.delay ? this.delay.ms + this.delay.jitter * (2 * Math.random() - 1) : 0;
  }

  get #longest(): number {
    return this.delay ? this.delay.ms + this.delay.jitter + 100 : 0;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** Nothing passes any more, and nobody is told: no FIN, no RST. */
  cut(): void {
    this.#silent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** It carries again. `lost`: only new connections, as after a change of address; the old ones stay silent for good. */
  mend(how: { lost: boolean }): void {
    this.#silent = false;
    for (const socket of this.#sockets) {
      if (how.lost) this.#lost.add(socket);
      else socket.resume();
    }
  }

  /** Both ends of each connection are told at once that it is over. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** The server's own time-out for a peer that is gone: it gives up the connections that were lost. */
  giveUpLost(): void {
    for (const socket of this.#lost) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
