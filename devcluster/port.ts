/** The port of 127.0.0.1 where login's sshd answers: a free one, chosen once and remembered. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import type { Layout } from './layout.ts';

export async function rememberedPort(layout: Layout): Promise<number | undefined> {
  const text = await readFile(layout.port, 'utf8').catch(() => '');
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port < 65536 ? port : undefined;
}

/** The remembered port while it is free, else a new one. Only for a container that is about to be made. */
export async function choosePort(layout: Layout): Promise<number> {
  const remembered = await rememberedPort(layout);
  const port = (remembered && (await listenOnce(remembered))) || (await listenOnce(0));
  await mkdir(layout.folder, { recursive: true, mode: 0o700 });
  await writeFile(layout.port, `${port}\n`, { mode: 0o600 });
  return port;
}

/** @returns the port that could be listened on, 0 where none could */
function listenOnce(port: number): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(0));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      const bound = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(bound));
    });
  });
}

/** Whether an SSH server introduces itself there. */
export function answersSsh(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 3000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (data) => end(data.toString('latin1').startsWith('SSH-')));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => resolve(false));
  });
}
