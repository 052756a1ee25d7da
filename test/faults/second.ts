/** A second cluster behind the campus endpoint: its login node is another machine, reached by ssh through the gate alone. */
import { spawnSync } from 'node:child_process';
import { CLUSTER, hpcbinder } from '../e2e/rig.ts';
import { at, installed, root } from './as-user-rig.ts';
import { clusterEntry } from './campus.ts';
import { addresses, portOf, relay } from './relays.ts';

export const SECOND = `${CLUSTER}2`;
export const SECOND_LOGIN = `hpcbinder-${SECOND}-login`;
export const KEY = '/etc/hpcbinder/second';
export const KNOWN = '/etc/hpcbinder/second-known-hosts';

export type Second = AsyncDisposable & {
  /** of serve.yaml */
  entry: Record<string, unknown>;
  /** words of ssh from the endpoint's machine, up to the host */
  ssh: readonly string[];
  /** its sshd, with all connections */
  kill(): Promise<void>;
  revive(): Promise<void>;
};

/** As root there. */
export const rootThere = (script: string, stdin?: string) => root(script, stdin, SECOND_LOGIN);

/** Brings it up where it is not, with the service account, the sudo rule, and a line of authorized_keys that names the gate. */
export async function second(): Promise<Second> {
  const wasThere = spawnSync('docker', ['inspect', SECOND_LOGIN]).status === 0;
  const up = await hpcbinder(['devcluster', 'up', '--yes', '--name', SECOND]);
  if (up.code !== 0) throw new Error(up.stderr);
  await installed(undefined, SECOND_LOGIN);
  await root(
    `mkdir -p /etc/hpcbinder; rm -f ${KEY} ${KEY}.pub; ssh-keygen -q -t ed25519 -N '' -f ${KEY}; chown hpcbinder: ${KEY}`,
  );
  const pub = (await root(`cat ${KEY}.pub`)).trim();
  await rootThere(
    `usermod -aG hpcbinder-users bob; usermod -d /var/lib/hpcbinder -p '*' hpcbinder; mkdir -p /var/lib/hpcbinder/.ssh
     cat > /var/lib/hpcbinder/.ssh/authorized_keys; chmod 755 /var/lib/hpcbinder /var/lib/hpcbinder/.ssh; chmod 644 /var/lib/hpcbinder/.ssh/authorized_keys`,
    `restrict,command="/usr/local/libexec/hpcbinder/gate" ${pub}\n`,
  );
  // a site lets its service accounts in; what the test has refused is not held against its next login
  await rootThere(
    "printf 'AllowUsers hpcbinder\\nPerSourcePenalties no\\n' > /etc/ssh/sshd_config.d/service.conf; sshd -t; kill -HUP $(cat /run/sshd.pid)",
  );
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  const address = spawnSync('docker', ['inspect', '-f', format, SECOND_LOGIN]).stdout.toString().trim();
  // docker lets no network of its own reach another
  const { gateway } = addresses();
  const line = await relay(gateway, 0, address, 22);
  const port = portOf(line);
  const host = (await rootThere('ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key')).split(' ').slice(0, 2).join(' ');
  await root(`cat > ${KNOWN}`, `[${gateway}]:${port} ${host}\n`);
  const options = ['BatchMode=yes', 'StrictHostKeyChecking=yes', `UserKnownHostsFile=${KNOWN}`, `IdentityFile=${KEY}`];
  return {
    entry: {
      ...clusterEntry(),
      host: gateway,
      port,
      user: 'hpcbinder',
      identity_file: KEY,
      known_hosts: KNOWN,
    },
    ssh: ['ssh', ...options.flatMap((each) => ['-o', each]), '-p', String(port), `hpcbinder@${gateway}`],
    kill: async () => void (await rootThere('pkill -KILL -x sshd; pkill -KILL -x sshd-session; true')),
    revive: async () => void (await rootThere('mkdir -p /run/sshd; pgrep -x sshd >/dev/null || /usr/sbin/sshd')),
    async [Symbol.asyncDispose]() {
      line.close();
      if (!wasThere) return void (await hpcbinder(['devcluster', 'down', '--name', SECOND]));
      await rootThere(
        'pgrep -x sshd >/dev/null || /usr/sbin/sshd; scancel -u alice; scancel -u bob; rm -rf /var/lib/hpcbinder/.ssh /etc/ssh/sshd_config.d/service.conf',
      );
    },
  };
}

/** By the endpoint's account on its own machine, with its key. */
export function bySsh({ ssh }: Second, words: readonly string[], stdin = '') {
  return at('hpcbinder', [...ssh, ...words], stdin);
}
