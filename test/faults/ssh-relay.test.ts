/** An sshd that forwards nothing: tunnels go through a relay, by both transports (docs/faults.md). */
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { openTransport } from '../../transports/index.ts';
import { Client } from '../e2e/client.ts';
import { Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { eventually, launchOf, stop } from './rig.ts';
import { root, Sshd } from './sshd.ts';

let world: OwnWorld;
let sshd: Sshd;
let sif: string;

beforeAll(async () => {
  sif = await storedImage();
  world = new OwnWorld();
  sshd = await Sshd.start(2361, { lines: ['AllowTcpForwarding no', 'AllowStreamLocalForwarding no'] });
  sshd.become(world);
});
afterAll(async () => {
  await sshd?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

const relays = async () => Number(await root("pgrep -c -u alice -f '[C]ONNECT_S' || true"));

/** Answers what it got once the other side has said its last, so half-closed streams count too. */
const BACK = `
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(5); print(s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept(); got = []
    while True:
        d = c.recv(65536)
        if not d: break
        got.append(d)
    c.sendall(b"".join(got)); c.close()
`;

it.each(['ssh2', 'openssh'] as const)(
  'F-19: streams through the relay are whole both ways, and told apart: %s',
  async (ssh) => {
    const { identity_file: identityFile, known_hosts: knownHosts } = world.entry;
    const target = { host: sshd.host, port: sshd.port, user: 'alice', identityFile, knownHosts };
    await using transport = await openTransport(target, undefined, { sshConfig: '', ssh });
    transport.relayBy('/usr/bin/python3');
    const server = await transport.start({ argv: ['python3', '-c', BACK] });
    const port = Number(String((await once(server.stdout, 'data'))[0]));
    const data = [3_000_000, 1, 70_000].map((size, at) => Buffer.alloc(size, at + 65));
    const back = await Promise.all(
      data.map(async (each) => {
        const stream = await transport.connect({ host: '127.0.0.1', port });
        stream.end(each);
        return Buffer.concat(await stream.toArray());
      }),
    );
    expect(back.map((each, at) => each.equals(data[at] ?? Buffer.alloc(0)))).toEqual([true, true, true]);
    await expect(transport.connect({ host: '127.0.0.1', port: 1 })).rejects.toMatchObject({
      code: 'E-AGENT',
      evidence: [expect.stringContaining('refused')],
    });
    expect(await relays()).toBe(1);
    server.kill('TERM');
    await transport[Symbol.asyncDispose]();
    expect(await eventually(relays, (count) => count === 0, 10)).toBe(0);
  },
);

it('F-19: a session is served, with its kernel, and the relay ends with the program, killed or not', async () => {
  const running = new Running(launchOf(sif), { env: world.env });
  const { url, id } = await running.ready();
  const client = await Client.enter(url);
  expect((await client.send('GET', '/api')).status).toBe(200);
  const kernel = await client.startKernel();
  expect(await client.run(kernel, 'print(6 * 7)')).toContain('42');
  expect(await relays()).toBe(1);
  await running.kill();
  expect(await eventually(relays, (count) => count === 0, 10)).toBe(0);
  expect(await stop(world, id)).toMatchObject({ phase: 'ended' });
});

it.each([
  ['rejects (no route to host)', 'ip rule', 'add', 'del', 'priority 50 ipproto tcp dport 41000-41050 unreachable'],
  ['drops', 'iptables', '-A', '-D', 'OUTPUT -p tcp --dport 41000:41050 -j DROP'],
])(
  'F-19: a firewall in front of the nodes %s: the relay runs inside the job, and ends with the program',
  async (_, tool, on, off, wall) => {
    sshd.become(world, { ports: '41000-41050' });
    await root(`${tool} ${on} ${wall}`);
    try {
      const running = new Running(launchOf(sif), { env: world.env });
      const { url, id, jobId, node } = await running.ready();
      const client = await Client.enter(url);
      expect((await client.send('GET', '/api')).status).toBe(200);
      const kernel = await client.startKernel();
      expect(await client.run(kernel, 'print(6 * 7)')).toContain('42');
      const steps = async () => Number(await root(`squeue -h -s -j ${jobId} -o %i | grep -c '\\.[0-9]' || true`));
      expect(await steps()).toBe(1);
      expect(node).toMatch(/^c[12]$/);
      await running.kill();
      expect(await eventually(steps, (count) => count === 0, 20)).toBe(0);
      expect(await stop(world, id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
    } finally {
      await root(`${tool} ${off} ${wall}`);
    }
  },
);
