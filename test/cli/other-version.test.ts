/** An agent of another version of hpcbinder than who asks it (F-50). It is a fake: TLS with the session's keys, and other words in ALPN. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { askAgent } from '../../cli/world.ts';
import type { Cluster } from '../../core/cluster.ts';
import { makeCertificates } from '../../sessions/certificates.ts';
import { controlRequest, OtherVersion, openApp } from '../../sessions/control.ts';
import { openStream } from '../../sessions/streams.ts';
import { session } from '../sessions/example.ts';

let agent: Server | undefined;
afterEach(() => {
  agent?.closeAllConnections();
  agent?.close();
});

async function other(ALPNProtocols: string[]) {
  const { ca, server, client } = await makeCertificates(session.id, 3600);
  agent = createServer({ ca, ...server, requestCert: true, ALPNProtocols }, (_request, response) =>
    response.end('the app'),
  );
  agent.listen(0, '127.0.0.1');
  await once(agent, 'listening');
  const { port } = agent.address() as AddressInfo;
  const secrets = { ...session.secrets, ca, clientCert: client.cert, clientKey: client.key };
  return { secrets, to: async () => connect(port, '127.0.0.1') };
}

describe.each([
  ['a newer one, which has left our words behind', ['hb/2', 'hb-stream/2', 'http/1.1']],
  ['one from before there was control', ['http/1.1']],
])('%s', (_, protocols) => {
  it('is told as that, with what to do, and not as silence', async () => {
    const { secrets, to } = await other(protocols);
    const asked = controlRequest(to, session.id, secrets, { verb: 'status' });
    await expect(asked).rejects.toThrow(OtherVersion);
    await expect(asked).rejects.toMatchObject({
      code: 'E-AGENT',
      transient: false,
      message: expect.stringContaining('another version of hpcbinder'),
      hint: expect.stringContaining('launch it again'),
    });
  });

  it('keeps its session: the app and its WebSockets are served as before', async () => {
    const { secrets, to } = await other(protocols);
    const cluster = { transport: { connect: to }, scheduler: {} } as unknown as Cluster;
    const record = { ...session, secrets, address: { host: 'c1', port: 1 } };
    expect(await askAgent(cluster, { ...record, phase: 'ready', idle: { since: 5, busyKernels: 1 } })).toEqual({
      ready: true,
      idleSince: 5,
      busyKernels: 1,
    });
    // of one that never was ready nothing is taken for granted
    expect(await askAgent(cluster, { ...record, phase: 'starting' })).toBe('unreachable');
    for (const open of [openApp, openStream]) {
      const stream = await open(to, session.id, secrets);
      stream.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      let text = '';
      for await (const part of stream) text += String(part);
      expect(text).toContain('the app');
    }
  });
});
