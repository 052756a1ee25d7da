/** The campus endpoint's way to its users on the devcluster's login node: the real sudo, a service account, a group, the rule. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type AsUserList, asUserList, sudoersRule } from '../../cli/as-user-list.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { Endpoint } from '../../core/transport.ts';
import { AS_USER, type Way, wayTo } from '../../transports/sudo/index.ts';
import { CLUSTER, type Ended, ROOT } from '../e2e/rig.ts';

export const LOGIN = `hpcbinder-${CLUSTER}-login`;
export const LIST = '/usr/local/libexec/hpcbinder/programs.json';
export const RULES = '/etc/sudoers.d/hpcbinder';

/** argv on the login node; `hpcbinder` is the service account. */
export async function at(user: string, argv: readonly string[], stdin = '', host = LOGIN): Promise<Ended> {
  const child = spawn('docker', ['exec', '-i', '-u', user, '-w', '/', host, ...argv]);
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const [code] = await once(child, 'close');
  return { code: Number(code ?? -1), stdout: await stdout, stderr: await stderr };
}

export async function root(script: string, stdin?: string, host = LOGIN): Promise<string> {
  const { code, stdout, stderr } = await at('root', ['sh', '-ec', script], stdin, host);
  if (code !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout;
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.toString('utf8');
  return text;
}

/** As `hpcbinder admin sudoers --install` makes it there. */
export async function listThere(host = LOGIN): Promise<AsUserList> {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const names = 'sbatch squeue scancel scontrol sacct sacctmgr sinfo apptainer true rm mkdir';
  const found = await root(`PATH=${path}; for c in ${names}; do echo "$c $(command -v $c)"; done`, undefined, host);
  // a builtin of the shell tells its name alone
  const paths = new Map(found.split('\n').map((line) => [line.split(' ')[0] ?? '', line.split(' ')[1] ?? '']));
  const find = (name: string) => {
    const at = paths.get(name);
    return at === undefined || at === '' ? undefined : at.startsWith('/') ? at : `/usr/bin/${at}`;
  };
  return asUserList({ service: 'hpcbinder', group: 'hpcbinder-users', find });
}

/** sudo, the service account, a group with alice in it and bob not, the program, its list and the rule. */
export async function installed(
  change: (list: AsUserList) => AsUserList = (list) => list,
  host = LOGIN,
): Promise<void> {
  const there = (script: string, stdin?: string) => root(script, stdin, host);
  await there(`command -v sudo >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends sudo; } >/dev/null 2>&1
    getent group hpcbinder-users >/dev/null || groupadd -g 3000 hpcbinder-users
    id hpcbinder >/dev/null 2>&1 || useradd -u 3001 -s /bin/sh -M -d / hpcbinder
    getent passwd toolow >/dev/null || useradd -u 900 -s /bin/sh -M -d / toolow
    usermod -aG hpcbinder-users alice; usermod -aG hpcbinder-users toolow; usermod -aG hpcbinder-users hpcbinder
    mkdir -p /usr/local/libexec/hpcbinder; chmod 0755 /usr/local/libexec /usr/local/libexec/hpcbinder`);
  const put = (path: string, name: string) =>
    there(`cat > ${path}; chmod 0755 ${path}`, readFileSync(join(ROOT, 'transports', name), 'utf8'));
  await put(AS_USER, 'sudo/as-user.py');
  await put(AS_USER.replace('as-user', 'gate'), 'sudo/gate.py');
  await put(AS_USER.replace('as-user', 'relay'), 'channels/relay.py');
  await there(`cat > ${LIST}; chmod 0644 ${LIST}`, JSON.stringify(change(await listThere(host))));
  const rule = sudoersRule({ service: 'hpcbinder', group: 'hpcbinder-users', program: AS_USER });
  await there(`cat > ${RULES}; chmod 0440 ${RULES}; visudo -c -q -f ${RULES}`, rule);
}

/** Connects from inside of the login node, where the endpoint would run. */
const PUMP = `
import os, socket, sys, threading
try:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
except OSError as error:
    sys.exit(str(error))
os.write(1, b"+")
def out():
    for data in iter(lambda: s.recv(65536), b""):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=out, daemon=True).start()
for data in iter(lambda: os.read(0, 65536), b""):
    s.sendall(data)
s.shutdown(1)
threading.Event().wait(5)
`;

async function dialThere(to: Endpoint, by: string): Promise<Duplex> {
  if ('socketPath' in to) throw new Error('not in this rig');
  const words = ['exec', '-i', '-u', 'hpcbinder', LOGIN, 'python3', '-c', PUMP, to.host, String(to.port)];
  const pump = spawn('docker', words);
  const said = textOf(pump.stderr);
  const first = await Promise.race([once(pump.stdout, 'data'), once(pump, 'close').then(() => undefined)]);
  if (first === undefined) {
    throw new HpcbinderError('E-AGENT', { message: `no connection to ${to.port} from ${by}`, evidence: [await said] });
  }
  pump.stdin.on('error', () => undefined);
  const stream = new Duplex({
    read: () => void pump.stdout.resume(),
    write: (chunk, _encoding, done) => void pump.stdin.write(chunk, () => done()),
    final: (done) => void pump.stdin.end(() => done()),
    destroy: (error, done) => {
      pump.kill();
      done(error);
    },
  });
  pump.stdout.on('data', (data: Buffer) => stream.push(data) || pump.stdout.pause());
  pump.stdout.on('end', () => stream.push(null));
  return stream;
}

/** `wayTo`, but that its sudo runs in the login node. */
export function wayThere(account: string): Way {
  return { ...wayTo(account), spawn: () => sudo(['-n', '-u', account, AS_USER]), dial: dialThere };
}

export function sudo(words: readonly string[], how: { env?: readonly string[] } = {}): ChildProcessWithoutNullStreams {
  const env = (how.env ?? []).flatMap((each) => ['-e', each]);
  return spawn('docker', ['exec', '-i', ...env, '-u', 'hpcbinder', '-w', '/', LOGIN, 'sudo', ...words]);
}
