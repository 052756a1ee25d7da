/** From here to the containers and back: relays, ports, addresses, and a first answer to wait for. */
import { spawnSync } from 'node:child_process';
import { request } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { LOGIN } from './as-user-rig.ts';

/** Of the login node and of this machine, as they see each other. */
export function addresses(): { login: string; gateway: string } {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}';
  const [login = '', gateway = ''] = spawnSync('docker', ['inspect', '-f', format, LOGIN])
    .stdout.toString()
    .trim()
    .split(' ');
  return { login, gateway };
}

export function portOf(server: Pick<Server, 'address'>): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export async function freePort(): Promise<number> {
  const server = await relay('127.0.0.1', 0, '127.0.0.1', 1);
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function relay(host: string, port: number, toHost: string, toPort: number): Promise<Server> {
  const server = createServer((near) => {
    const far = connect(toPort, toHost);
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  return new Promise((resolve) => server.listen(port, host, () => resolve(server)));
}

/** Waits for a 200 of a page on this machine, asked for by the name that browsers use. */
export async function answers(port: number, host: string, path: string): Promise<boolean> {
  for (let left = 120; left > 0; left--) {
    const ok = await new Promise<boolean>((resolve) => {
      const asking = request({ host: '127.0.0.1', port, path, headers: { Host: host }, timeout: 5000 }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      });
      asking.on('timeout', () => asking.destroy()).on('error', () => resolve(false));
      asking.end();
    });
    if (ok) return true;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return false;
}
