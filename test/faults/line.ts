/** The network between the laptop and sshd, as a TCP relay on loopback: narrow, counted, silent for a while. */
import { createConnection, createServer, type Server, type Socket } from 'node:net';

export class Line {
  /** bytes that went to sshd, over all connections */
  sent = 0;
  /** each way of each connection; without it as fast as it goes */
  bytesPerSecond: number | undefined;
  #silent = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #lost = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<Line> {
    const server = createServer({ pauseOnConnect: true });
    const line = new Line(server);
    server.on('connection', (client) => {
      const upstream = createConnection({ host: '127.0.0.1', port });
      line.#carry(client, upstream, true);
      line.#carry(upstream, client, false);
      for (const socket of [client, upstream]) {
        line.#sockets.add(socket);
        socket.on('error', () => {}).on('close', () => [client, upstream].forEach((one) => void one.destroy()));
        if (line.#silent) socket.pause();
        else socket.resume();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return line;
  }

  #carry(from: Socket, to: Socket, counted: boolean): void {
    from.on('data', (data) => {
      if (counted) this.sent += data.length;
      to.write(data);
      if (this.bytesPerSecond === undefined) return;
      from.pause();
      setTimeout(
        () => this.#silent || this.#lost.has(from) || from.resume(),
        (1000 * data.length) / this.bytesPerSecond,
      );
    });
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
