/** Apps that hang (F-54): 50 of 51 sessions, behind real mutual TLS. The agents are a fake: one process that answers for one session alone. */
import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { KeptSession } from '../../../core/endpoint.ts';
import { agentName, makeCertificates } from '../../../sessions/certificates.ts';
import { kept } from '../state/rig.ts';
import { type Actor, World } from './rig.ts';

const HUNG = 50;
const world = new World();
let agents: Server;
let hanging = 0;
let alice: Actor & { cookie: string };
let cookies: Map<string, string>;
let live: string;

beforeAll(async () => {
  const ids = Array.from({ length: HUNG + 1 }, (_, i) => `hb-hung${String(i).padStart(6, '0')}`);
  live = ids.at(-1) ?? '';
  const made = await Promise.all(ids.map((id) => makeCertificates(id, 3600)));
  const contexts = new Map(
    made.map(({ ca, server }, i) => [
      agentName(ids[i] ?? ''),
      createSecureContext({ ca, cert: server.cert, key: server.key }),
    ]),
  );
  agents = createServer(
    {
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      SNICallback: (name, done) => done(null, contexts.get(name)),
    },
    (request, response) => {
      if (request.headers.host?.startsWith(live)) response.end('an answer');
      else hanging++;
    },
  );
  await new Promise<void>((resolve) => agents.listen(0, '127.0.0.1', resolve));
  const { port } = agents.address() as AddressInfo;
  await world.open(undefined, {
    options: { limits: { responseMs: 3_000 } },
    services: { connect: async () => connect(port, '127.0.0.1') },
    before(state) {
      for (const [i, id] of ids.entries()) {
        const { ca = '', client = { cert: '', key: '' } } = made[i] ?? {};
        const keys = {
          ca,
          clientCert: client.cert,
          clientKey: client.key,
          appToken: 'token',
          cookieKey: 'ab'.repeat(32),
        };
        const record: KeptSession = {
          ...kept({ id, phase: 'ready', createdAt: new Date().toISOString() }),
          secrets: keys,
        };
        state.saveSession(record, { account: 'alice' });
      }
    },
  });
  alice = await world.signIn('alice');
  cookies = new Map();
  for (const id of ids) cookies.set(id, await entered(id));
}, 60_000);
afterAll(async () => {
  await world.close();
  agents.closeAllConnections();
  agents.close();
});

/** As a browser that opened the session: its cookie. */
async function entered(id: string): Promise<string> {
  const { body } = await world.ask(`/api/v1/sessions/${id}/open`, {
    method: 'POST',
    headers: { ...alice.headers, 'X-Xsrftoken': alice.xsrf ?? '', 'Content-Type': 'application/json' },
    body: '{}',
  });
  const { host, pathname, search } = new URL(JSON.parse(body).url);
  const { headers } = await world.ask(`${pathname}${search}`, { headers: { Host: host } });
  return (headers['set-cookie'] ?? []).map((each) => each.split(';', 1)[0]).join('; ');
}

const app = (id: string) =>
  world.ask('/api/status', {
    headers: { Host: `${id}.${world.host}`, Cookie: cookies.get(id) ?? '', Accept: 'text/html' },
    alone: true,
  });
const files = () => readdirSync('/proc/self/fd').length;

describe('fifty apps that hang', () => {
  it('are told of as slow, with what to do; the one beside them answers at once; no socket is left', async () => {
    expect((await app(live)).status).toBe(200);
    const before = files();
    const all = [...cookies.keys()].filter((id) => id !== live).map(app);
    while (hanging < HUNG) await wait(20);
    const began = performance.now();
    const beside = await app(live);
    expect([beside.status, beside.body]).toEqual([200, 'an answer']);
    expect(performance.now() - began).toBeLessThan(1_000);
    for (const { status, body } of await Promise.all(all)) {
      expect(status).toBe(504);
      expect(body).toContain('reload to try again');
    }
    await wait(300);
    expect(files()).toBeLessThanOrEqual(before + 2);
  }, 30_000);
});
