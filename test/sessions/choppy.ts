/** A relay that breaks: each connection carries so many bytes, both ways together, and is then reset. */
import { createConnection, createServer, type Socket } from 'node:net';

export type Choppy = {
  connect(): Promise<Socket>;
  /** connections that were made */
  made(): number;
  /** nothing passes on any connection that there is, and nobody is told */
  freeze(): void;
  close(): Promise<void>;
};

/** `allowance` of the next connection, in bytes. */
export async function choppy(port: number, allowance: () => number): Promise<Choppy> {
  const open = new Set<Socket>();
  let made = 0;
  const server = createServer((client) => {
    made += 1;
    let left = allowance();
    const upstream = createConnection({ host: '127.0.0.1', port });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from.on('error', () => {}).on('close', () => to.destroy());
      from.on('data', (data) => {
        const part = data.subarray(0, left);
        left -= part.length;
        if (!to.write(part)) from.pause();
        if (left > 0) return;
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      });
      to.on('drain', () => from.resume());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const own = typeof address === 'object' && address ? address.port : 0;
  return {
    connect: () =>
      new Promise((resolve, reject) => {
        const socket = createConnection({ host: '127.0.0.1', port: own });
        socket.once('connect', () => resolve(socket)).once('error', reject);
      }),
    made: () => made,
    freeze() {
      for (const socket of open) socket.removeAllListeners('data').removeAllListeners('drain').pause();
    },
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
