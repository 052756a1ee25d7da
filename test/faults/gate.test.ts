/** What the service's key may do on a login node that the endpoint does not run on: what gate.py starts, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { at, installed, root } from './as-user-rig.ts';
import { bySsh, rootThere, SECOND_LOGIN, type Second, second } from './second.ts';

let site: Second;

beforeAll(async () => {
  await installed();
  site = await second();
}, 180_000);

afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  await root('rm -rf /etc/hpcbinder');
});

/** One frame of the protocol (docs/adr/0006). */
function frame(kind: string, call: number, payload: string): string {
  const head = Buffer.alloc(9);
  head.write(kind, 0, 'latin1');
  head.writeUInt32BE(call, 1);
  head.writeUInt32BE(Buffer.byteLength(payload), 5);
  return head.toString('latin1') + payload;
}

const start = (argv: readonly string[]) => frame('s', 1, JSON.stringify({ argv }));
/** A command of the program that answered, and its end: the session is closed once it has had a moment. */
async function asked(by: string, argv: readonly string[]): Promise<string> {
  const words = site.ssh.map((word) => `'${word}'`).join(' ');
  const script = `{ cat; sleep 2; } | ${words} '${by}'`;
  return (await at('hpcbinder', ['sh', '-c', script], start(argv))).stdout;
}

describe('ABU-10: the key of the endpoint on another login node', () => {
  it('starts as-user for a member of the group, who is then who acts', async () => {
    const said = await asked('as alice', ['squeue', '--version']);
    expect(said).toMatch(/"user": "alice", "uid": 2001/);
    expect(said).toMatch(/slurm\S* [0-9]/);
  });

  it.each([
    ['no command', []],
    ['a shell', ['sh']],
    ['a command behind the right one', ['as alice; id']],
    ['a second line', ['as alice\nid']],
    ['an option of sudo', ['as -i']],
    ['a uid', ['as #0']],
    ['nobody', ['as ']],
    ['files', ['/usr/lib/openssh/sftp-server']],
    ['a copy', ['scp -t /tmp/x']],
  ])('refuses %s', async (_, words) => {
    const { code, stdout, stderr } = await bySsh(site, words);
    expect({ code, stdout }).toEqual({ code: 77, stdout: '' });
    expect(stderr).toMatch(/this key starts the ways of an hpcbinder endpoint, and nothing else/);
  });

  it.each(['root', 'toolow', 'hpcbinder', 'slurm', 'nobody-at-all'])(
    'as %s: sudo or the program refuses',
    async (account) => {
      const { code, stdout } = await bySsh(site, [`as ${account}`]);
      expect(code).not.toBe(0);
      expect(stdout).toBe('');
    },
  );

  it('asks the scheduler as the service itself, and can neither submit, write nor start a shell', async () => {
    expect(await asked('ask', ['sinfo', '--version'])).toMatch(/slurm\S* [0-9]/);
    for (const argv of [
      ['sbatch', '--wrap', 'id'],
      ['scancel', '1'],
      ['sh', '-c', 'id'],
      ['/bin/sh', '-c', 'id'],
      ['rm', '-rf', '/var/lib/hpcbinder'],
      ['mkdir', '/tmp/of-the-gate'],
      ['apptainer', '--version'],
    ])
      expect(await asked('ask', argv)).toMatch(/is not in programs.json|\[true, 12[67]\]/);
    expect(await rootThere('ls -d /tmp/of-the-gate 2>/dev/null || echo none')).toBe('none\n');
  });

  it('forwards no port, no agent and no terminal', async () => {
    const { ssh } = site;
    const target = ssh.slice(-1);
    const words = [...ssh.slice(0, -1), '-o', 'ExitOnForwardFailure=yes', '-W', '127.0.0.1:22', ...target];
    const forwarded = await at('hpcbinder', words);
    expect(forwarded.code).not.toBe(0);
    expect(forwarded.stderr).toMatch(/administratively prohibited|forwarding failed/);
    const terminal = await at('hpcbinder', [...ssh.slice(0, -1), '-tt', ...target, 'as alice']);
    expect(terminal.stderr).toMatch(/PTY allocation request failed/);
  });

  it('NET-08: its tunnels lead to no service of that machine, and to no port that only root may offer', async () => {
    const program = `
import struct, subprocess, sys, time
def t(b): return struct.pack(">I", len(b)) + b
def ask(n, host, port):
    body = t(b"direct-tcpip") + struct.pack(">III", n, 1 << 20, 32768) + t(host) + struct.pack(">I", port) + t(b"127.0.0.1") + struct.pack(">I", 0)
    return t(b"\\0" + bytes([90]) + body)
p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
for n, to in enumerate([(b"127.0.0.1", 6817), (b"localhost", 6818), (b"::1", 6817), (b"169.254.169.254", 8080), (b"0.0.0.0", 6817), (b"c1", 22), (b"c1", 6818)]):
    p.stdin.write(ask(n, *to))
p.stdin.flush()
time.sleep(3)
p.stdin.close()
data, at, seen = p.stdout.read(), 0, {}
while at < len(data):
    size = struct.unpack_from(">I", data, at)[0]
    message = data[at + 4:at + 4 + size]
    at += 4 + size
    if message[1] in (91, 92): seen[struct.unpack_from(">I", message, 2)[0]] = message[1]
print([seen.get(n) for n in range(7)])
`;
    const { stdout, stderr } = await at('hpcbinder', ['python3', '-c', program, ...site.ssh, 'tunnels']);
    expect({ stdout, stderr }).toEqual({ stdout: '[92, 92, 92, 92, 92, 92, 91]\n', stderr: '' });
  });

  it('is of no use to another account there, and knows only its own list', async () => {
    const as = (user: string) =>
      at(user, ['env', 'SSH_ORIGINAL_COMMAND=ask', '/usr/local/libexec/hpcbinder/gate'], '', SECOND_LOGIN);
    expect((await as('alice')).stderr).toMatch(/is for hpcbinder alone/);
    expect((await as('root')).code).toBe(77);
  });

  it('with another host key in the file nothing is sent', async () => {
    await root("sed -i 's/AAAAC3/AAAAC4/' /etc/hpcbinder/second-known-hosts");
    const { code, stderr } = await bySsh(site, ['as alice']);
    expect(code).toBe(255);
    expect(stderr).toMatch(/Host key verification failed/);
  });
});
