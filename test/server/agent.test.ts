import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { AppAgent } from '../../server/agent.ts';
import { LIMITS } from '../../server/limits.ts';

it('uses no connection again whose far end is over, though a tunnel keeps it writable', async () => {
  // sshd passes on the end of a process that died, and goes on taking bytes for it.
  const tunnel = createServer({ allowHalfOpen: true }, (socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    socket.on('error', () => {});
  });
  tunnel.listen(0, '127.0.0.1');
  await once(tunnel, 'listening');
  const { port } = tunnel.address() as AddressInfo;
  let opened = 0;
  const agent = new AppAgent(async () => {
    opened++;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    return socket;
  }, LIMITS);
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      const req = request({ agent, timeout: 2_000 }, async (res) => resolve(String(await res.toArray())));
      req.on('timeout', () => req.destroy(new Error('no answer'))).on('error', reject);
      req.end();
    });
  try {
    expect(await ask()).toBe('ok');
    await wait(50);
    expect(await ask()).toBe('ok');
    expect(opened).toBe(2);
  } finally {
    agent.destroy();
    tunnel.close();
  }
});
