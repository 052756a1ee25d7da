/** Names and addresses that lead nowhere (SECURITY F-18, docs/faults.md), in a mount namespace with its own /etc/hosts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa, execaSync } from 'execa';
import { MAIN } from '../e2e/rig.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { notRun } from '../not-run.ts';

/** Listens on ::1 and takes nobody: the kernel drops what comes to a queue that is full. */
const HOLE = `
import socket, sys
s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
s.bind(("::1", int(sys.argv[1]))); s.listen(0); full = []
for _ in range(4):
    c = socket.socket(socket.AF_INET6); c.setblocking(False); full.append(c)
    try: c.connect(("::1", int(sys.argv[1])))
    except BlockingIOError: pass
print("full", flush=True); sys.stdin.read()
`;
/** Hears every question and answers none. */
const MUTE =
  'import socket, sys\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 53)); print("mute", flush=True)\nwhile True: s.recv(512)';

const able = execaSync('unshare', ['-rmn', 'true'], { reject: false }).exitCode === 0;
if (!able) notRun('F-18, names that lead nowhere: no namespaces for this user (unshare -rmn)');

let world: OwnWorld;
let dir: string;
let hole: ChildProcess;

beforeAll(async () => {
  world = new OwnWorld();
  dir = mkdtempSync(join(tmpdir(), 'hb-names-'));
  hole = spawn('python3', ['-I', '-c', HOLE, String(world.entry.port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (hole.stdout) await once(hole.stdout, 'data');
});
afterAll(async () => {
  hole?.kill();
  await world?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** A command, with these names; `first` runs before it, alone on a network of its own. */
async function work(transport: string, how: { hosts: string; resolver: string; first?: string }) {
  Object.assign(world.entry, { host: 'login.test', ssh: { transport } });
  world.write();
  const { port, known_hosts } = world.entry;
  const [hosts, resolver, known] = [join(dir, 'hosts'), join(dir, 'resolver'), known_hosts];
  writeFileSync(hosts, how.hosts);
  writeFileSync(resolver, how.resolver);
  const key = (await execa('ssh-keygen', ['-F', `[127.0.0.1]:${port}`, '-f', known], { reject: false })).stdout;
  const [, blob] = /\n\S+ (.*)/.exec(key) ?? [];
  if (blob) writeFileSync(known, `[127.0.0.1]:${port} ${blob}\n[login.test]:${port} ${blob}\n`);
  const script = `mount --bind ${hosts} /etc/hosts && mount --bind ${resolver} /etc/resolv.conf || exit 99; ${how.first ?? ''} "$@"; end=$?; [ -z "$!" ] || kill $!; exit $end`;
  const words = [how.first ? '-rmn' : '-rm', 'sh', '-c', script, 'sh', process.execPath, MAIN, 'work', 'ls'];
  const began = Date.now();
  const done = await execa('unshare', words, { env: { ...world.env, NODE_OPTIONS: '' }, reject: false });
  return { code: done.exitCode, said: done.stderr, seconds: (Date.now() - began) / 1000 };
}

const BOTH = '127.0.0.1 localhost\n::1 login.test\n127.0.0.1 login.test\n';
const NONE = '127.0.0.1 localhost\n';

(able ? describe : describe.skip).each(['ssh2', 'openssh'])('by %s', (by) => {
  it('F-18: an IPv6 address that leads nowhere costs a moment, and the IPv4 address is taken', async () => {
    const { code, said, seconds } = await work(by, { hosts: BOTH, resolver: '' });
    expect([code, said]).toEqual([0, expect.not.stringContaining('E-')]);
    // OpenSSH tries one address after another, with our 20 s for each
    expect(seconds).toBeLessThan(by === 'ssh2' ? 10 : 30);
  });

  it('F-18: a resolver that is silent is told from a name that is not there', async () => {
    const first = `ip link set lo up; python3 -I -c '${MUTE}' >${join(dir, 'mute')} & while [ ! -s ${join(dir, 'mute')} ]; do sleep 0.1; done;`;
    const { code, said, seconds } = await work(by, { hosts: NONE, resolver: 'nameserver 127.0.0.1\n', first });
    expect([code, said]).toEqual([75, expect.stringContaining('DNS does not answer')]);
    expect(said).toContain('E-SSH-UNREACHABLE');
    expect(seconds).toBeLessThan(25);
  });
});
