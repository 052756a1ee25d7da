/** Compute nodes that the login node reaches by ssh alone, as where steps and ports are closed (docs/faults.md). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { openTransport } from '../../transports/index.ts';
import { Client } from '../e2e/client.ts';
import { on, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { eventually, launchOf, stop } from './rig.ts';
import { root, Sshd } from './sshd.ts';

const NODES = ['c1', 'c2'] as const;
const KEY = '/etc/ssh/ssh_host_ed25519_key';
const KNOWN = '/etc/ssh/ssh_known_hosts';
const PORTS = '41000-41050';
/** as a firewall that rejects: No route to host */
const WALL = `priority 50 ipproto tcp dport ${PORTS} unreachable`;

let world: OwnWorld;
let sshd: Sshd;
let sif: string;

beforeAll(async () => {
  sif = await storedImage();
  world = new OwnWorld();
  // the site's side of it: a sshd on each node, its host keys known on the login node, a key of alice for it
  for (const node of NODES) {
    const { stdout } = await on(
      node,
      'root',
      `ssh-keygen -q -t ed25519 -N '' -f ${KEY} <<<y >/dev/null; /usr/sbin/sshd -o LogLevel=VERBOSE -E /run/hb-node.log; cut -d ' ' -f 1,2 ${KEY}.pub`,
    );
    await root(`echo '${node} ${stdout.trim()}' >>${KNOWN}`);
  }
  await on(
    'login',
    'alice',
    `cd ~/.ssh && cp authorized_keys before && ssh-keygen -q -t ed25519 -N '' -f id_ed25519 <<<y >/dev/null && cat id_ed25519.pub >>authorized_keys`,
  );
  await root(`mv /usr/bin/srun /usr/bin/srun.away; ip rule add ${WALL}`);
});
afterAll(async () => {
  await root(`mv /usr/bin/srun.away /usr/bin/srun; ip rule del ${WALL}; rm -f ${KNOWN}`);
  await on('login', 'alice', 'cd ~/.ssh && mv before authorized_keys && rm -f id_ed25519 id_ed25519.pub');
  for (const node of NODES)
    await on(node, 'root', `kill $(cat /run/sshd.pid); rm -f ${KEY} ${KEY}.pub /run/hb-node.log`);
  await sshd?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

const logins = async (node: (typeof NODES)[number]) =>
  Number((await on(node, 'root', 'grep -c Accepted /run/hb-node.log || true')).stdout);
const hops = async () => Number(await root("pgrep -c -u alice -f '^ssh -T -o BatchMode=yes' || true"));

it.each([
  ['ssh2', []],
  ['openssh', []],
  ['ssh2', ['AllowTcpForwarding no']],
] as const)(
  "F-19: a session is served through its node's sshd, with its kernel, and the way ends with the program: %s %j",
  async (ssh, lines) => {
    sshd = await Sshd.start(2381, { lines });
    sshd.become(world, { ports: PORTS, ssh: { transport: ssh } });
    const running = new Running(launchOf(sif), { env: world.env });
    const { url, id, node } = await running.ready();
    const before = await logins(node as 'c1');
    const client = await Client.enter(url);
    expect((await client.send('GET', '/api')).status).toBe(200);
    const kernel = await client.startKernel();
    expect(await client.run(kernel, 'print(6 * 7)')).toContain('42');
    // one for all streams
    expect([before, await logins(node as 'c1')]).toEqual([before, before]);
    expect(before).toBeGreaterThan(0);
    expect(await hops()).toBe(1);
    await running.kill();
    expect(await eventually(hops, (count) => count === 0, 20)).toBe(0);
    expect(await stop(world, id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
    await sshd[Symbol.asyncDispose]();
  },
);

it('F-19: where no way leads there all three are told; a host key that is not known there is refused', async () => {
  sshd = await Sshd.start(2382);
  sshd.become(world);
  await root(`mv ${KNOWN} ${KNOWN}.away`);
  try {
    const { identity_file: identityFile, known_hosts: knownHosts } = world.entry;
    const target = { host: sshd.host, port: sshd.port, user: 'alice', identityFile, knownHosts };
    await using transport = await openTransport(target, undefined, { sshConfig: '' });
    transport.relayBy('/usr/bin/python3');
    const reached = transport.connect({ host: 'c1', port: 41_001 }, ['srun', '--overlap']);
    await expect(reached).rejects.toMatchObject({
      code: 'E-AGENT',
      evidence: [
        expect.stringMatching(/^from the login node: /),
        expect.stringMatching(/^srun: .*not found/),
        expect.stringMatching(/^ssh c1: Host key verification failed/),
      ],
    });
  } finally {
    await root(`mv ${KNOWN}.away ${KNOWN}`);
  }
});
