/**
 * A bare login node: a container of its own beside the devcluster's, with the real systemd, sudo, nginx and Slurm's commands, as a
 * site has it before hpcbinder comes. It is in the cluster's network and has its homes; what is done to it goes with it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { CLUSTER, type Ended } from '../e2e/rig.ts';

export const NODE = `hpcbinder-${CLUSTER}-login2`;
const LOGIN = `hpcbinder-${CLUSTER}-login`;

/** What systemd needs of a container; where the machine gives it less, it does not begin. */
const RIGHTS = [
  ...['SYS_ADMIN', 'NET_ADMIN', 'SYS_PTRACE', 'DAC_READ_SEARCH', 'SYS_NICE'].flatMap((each) => ['--cap-add', each]),
  ...['seccomp=unconfined', 'apparmor=unconfined', 'systempaths=unconfined'].flatMap((each) => [
    '--security-opt',
    each,
  ]),
  ...['--tmpfs', '/run', '--tmpfs', '/run/lock', '-v', '/sys/fs/cgroup:/sys/fs/cgroup:rw', '--device', '/dev/fuse'],
  ...['--cgroupns', 'host'],
  // of cgroups of the first version, which systemd 256 and 257 know on request
  ...['-e', 'container=docker', '-e', 'SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1'],
];

export class BareNode implements AsyncDisposable {
  readonly address: string;
  readonly gateway: string;

  private constructor() {
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}}{{end}}';
    const [address = '', gateway = ''] = docker('inspect', '-f', format, NODE).split(' ');
    this.address = address;
    this.gateway = gateway;
  }

  /** Until its systemd has come up. Throws what of the container or of apt failed. */
  static async started(): Promise<BareNode> {
    spawnSync('docker', ['rm', '-f', NODE]);
    const image = docker('inspect', '-f', '{{.Config.Image}}', LOGIN);
    const homes = ['home', 'scratch'].flatMap((each) => ['-v', `hpcbinder-${CLUSTER}-${each}:/${each}`]);
    const network = ['--network', `hpcbinder-${CLUSTER}`, '--hostname', 'login2', '--stop-signal', 'SIGRTMIN+3'];
    const how = ['-d', '--name', NODE, ...RIGHTS, ...network, ...homes];
    docker('run', ...how, '--entrypoint', '/lib/systemd/systemd', image);
    const node = new BareNode();
    await node.root('until systemctl is-system-running | grep -qE "running|degraded"; do sleep 0.5; done', '', 60);
    const key = spawnSync('docker', ['exec', LOGIN, 'cat', '/etc/munge/munge.key']).stdout;
    await node.root('systemctl stop mariadb || true; cat > /etc/munge/munge.key', key);
    await node.root(
      `chown munge: /etc/munge/munge.key; chmod 400 /etc/munge/munge.key; systemctl restart munge; chmod 666 /dev/fuse
      systemctl reset-failed; export DEBIAN_FRONTEND=noninteractive
      apt-get update -qq; apt-get install -y -qq --no-install-recommends sudo nginx-light >/dev/null 2>&1
      systemctl is-active nginx || systemctl start nginx`,
      '',
      180,
    );
    return node;
  }

  /** As root, each line's failure is the script's. */
  async root(script: string, stdin: string | Uint8Array = '', seconds = 120): Promise<string> {
    const { code, stdout, stderr } = await this.run(['sh', '-ec', script], stdin, seconds);
    if (code !== 0) throw new Error(`${script}: ${code} ${stderr}${stdout}`.slice(0, 4000));
    return stdout;
  }

  async run(argv: readonly string[], stdin: string | Uint8Array = '', seconds = 120): Promise<Ended> {
    const child = spawn('docker', ['exec', '-i', '-w', '/', NODE, ...argv], { timeout: seconds * 1000 });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (part: Buffer) => (stdout += part.toString('utf8')));
    child.stderr.on('data', (part: Buffer) => (stderr += part.toString('utf8')));
    child.stdin.on('error', () => undefined).end(stdin);
    const code = await new Promise<number>((resolve) => child.once('close', (ended) => resolve(ended ?? -1)));
    return { code, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    spawnSync('docker', ['rm', '-f', '-v', NODE]);
  }
}

function docker(...words: string[]): string {
  const { status, stdout, stderr } = spawnSync('docker', words);
  if (status !== 0) throw new Error(`docker ${words.join(' ')}: ${stderr}`);
  return stdout.toString('utf8').trim();
}
