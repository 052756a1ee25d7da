/** Twenty ways in which a laptop, a login node, a scheduler or a compute node is not as it should be, for doctor.test.ts. */
import { createHash } from 'node:crypto';
import { on } from '../e2e/rig.ts';
import type { OwnWorld } from '../e2e/worlds.ts';
import { FakeClock, fakeClockLibrary } from '../fake-clock.ts';

type Undo = () => Promise<void>;
export type Breakage = {
  /** the id by which doctor names it */
  finding: string;
  how: string;
  make(world: OwnWorld): Promise<Undo>;
};

async function done(host: 'login' | 'c1' | 'c2', command: string): Promise<string> {
  const { code, stdout, stderr } = await on(host, 'root', command);
  if (code !== 0) throw new Error(`${host}: ${command}: ${stderr}`);
  return stdout;
}

/** By root on one host, and back; STORE stands for the world's image store. */
function onHost(host: 'login' | 'c2', command: string, back: string): Breakage['make'] {
  return async ({ scratch }) => {
    const own = (text: string) => text.replaceAll('STORE', `${scratch}/images`);
    await done(host, own(command));
    return async () => {
      await done(host, own(back));
    };
  };
}

/** A line at the top of alice's .bashrc: below it Debian's own ends for shells without a person. */
function startUp(line: string): Breakage['make'] {
  return onHost(
    'login',
    `sed -i '1i ${line} # of a fault test' /home/alice/.bashrc`,
    `sed -i '\\|^${line} # of a fault test$|d' /home/alice/.bashrc`,
  );
}

/** The world's own entry, with a command before it and one after. */
function entry(change: Record<string, unknown>, host?: 'login', command = 'true', back = 'true'): Breakage['make'] {
  return async (world) => {
    if (host) await done(host, command);
    Object.assign(world.entry, change);
    world.write();
    return async () => {
      for (const key of Object.keys(change)) delete (world.entry as Record<string, unknown>)[key];
      world.write();
      if (host) await done(host, back);
    };
  };
}

function environment(values: () => Record<string, string>): Breakage['make'] {
  return async (world) => {
    const own = values();
    Object.assign(world.env, own);
    return async () => {
      for (const key of Object.keys(own)) delete world.env[key];
    };
  };
}

/** Of the node's daemon, which its jobs inherit. The soft one, for a container may not raise the hard one again. */
function limit(name: string, value: number): Breakage['make'] {
  return async () => {
    const daemon = '$(pgrep -o slurmd)';
    const before = await done('c2', `prlimit --pid ${daemon} --${name} --raw --noheadings -o SOFT`);
    await done('c2', `prlimit --pid ${daemon} --${name}=${value}:`);
    return async () => {
      await done('c2', `prlimit --pid ${daemon} --${name}=${before}:`);
    };
  };
}

const SSHD = '/etc/ssh/sshd_config.d/devcluster.conf';
const HANGUP = 'kill -HUP $(pgrep -o -x sshd)';
const SITE = '/etc/hpcbinder/site.yaml';
/** From login to c2's ports of the entry alone: the scheduler's own connections go on. */
const FIREWALL = 'to $(getent ahostsv4 c2 | awk "NR == 1 { print \\$1 }") ipproto tcp dport 40000-40100 blackhole';
/** A fake of quota(1), for the devcluster has no quotas: all that a device may hold is used. */
const QUOTA = `printf '%s\\n' '#!/bin/sh' 'df -Pk /home | awk "NR == 2 { print \\$1, 1000, 1000, 1000 }"' > /usr/local/bin/quota; chmod 755 /usr/local/bin/quota`;

export const BREAKAGES: readonly Breakage[] = [
  {
    finding: 'laptop.clock',
    how: 'the clock of the laptop is two hours ahead, by a fake (test/fake-clock.c)',
    make: environment(() => new FakeClock(fakeClockLibrary() ?? '', 7200).env),
  },
  {
    finding: 'laptop.engine',
    how: 'no container engine listens on the laptop',
    make: environment(() => ({ DOCKER_HOST: 'unix:///nowhere/docker.sock' })),
  },
  { finding: 'login.shell-noise', how: '.bashrc prints', make: startUp('echo Welcome') },
  { finding: 'login.shell-slow', how: '.bashrc takes three seconds', make: startUp('sleep 3') },
  { finding: 'login.limit-files', how: '.bashrc allows 256 open files', make: startUp('ulimit -n 256') },
  {
    finding: 'login.forwarding',
    how: 'sshd forwards no ports',
    make: onHost(
      'login',
      `echo AllowTcpForwarding no >> ${SSHD}; ${HANGUP}`,
      `sed -i '/^AllowTcpForwarding/d' ${SSHD}; ${HANGUP}`,
    ),
  },
  {
    finding: 'login.room',
    how: 'the quota is used up, by a fake of quota(1)',
    make: onHost('login', QUOTA, 'rm /usr/local/bin/quota'),
  },
  {
    finding: 'login.open-directories',
    how: 'everybody may write in the image store',
    make: onHost('login', 'chmod 777 STORE', 'chmod 700 STORE'),
  },
  {
    finding: 'login.bases',
    how: 'the base image of the entry cannot be read',
    make: onHost('login', 'chmod 700 /scratch/bases', 'chmod 755 /scratch/bases'),
  },
  {
    finding: 'login.site-file',
    how: "everybody may write to the site's file",
    make: onHost('login', `install -D -m 666 /dev/null ${SITE}`, `rm -r ${SITE.replace('/site.yaml', '')}`),
  },
  {
    finding: 'cluster.partitions',
    how: 'the default partition is closed',
    make: onHost('login', 'scontrol update partition=debug state=down', 'scontrol update partition=debug state=up'),
  },
  {
    finding: 'cluster.accounting',
    how: 'slurmdbd is dead',
    make: onHost(
      'login',
      'kill $(pgrep -x slurmdbd); while pgrep -x slurmdbd; do sleep 0.2; done',
      'setpriv --reuid slurm --regid slurm --init-groups slurmdbd; timeout 30 sh -c "until sacctmgr -n show cluster; do sleep 0.5; done"',
    ),
  },
  {
    finding: 'cluster.build-partition',
    how: 'the entry names a partition for builds that does not exist',
    make: entry({ build_partition: 'nosuch' }),
  },
  {
    finding: 'node.fuse',
    how: 'users may not open /dev/fuse',
    make: onHost('c2', 'chmod 600 /dev/fuse', 'chmod 666 /dev/fuse'),
  },
  {
    finding: 'node.tmp',
    how: '/tmp has one megabyte',
    make: onHost('c2', 'mount -t tmpfs -o size=1m,mode=1777 tmpfs /tmp', 'umount -l /tmp'),
  },
  {
    finding: 'node.shared',
    how: 'the image store there is another directory than the one of the login node',
    make: onHost('c2', 'mount -t tmpfs -o mode=755 tmpfs STORE', 'umount -l STORE'),
  },
  {
    finding: 'node.tunnel',
    how: "a firewall closes the entry's ports between login node and node",
    make: entry({ ports: '40000-40100' }, 'login', `ip rule add ${FIREWALL}`, `ip rule del ${FIREWALL}`),
  },
  {
    finding: 'node.container',
    how: 'the node has no Apptainer',
    make: onHost('c2', 'mount --bind /dev/null /usr/bin/apptainer', 'umount /usr/bin/apptainer'),
  },
  { finding: 'node.limit-files', how: 'jobs may open 256 files', make: limit('nofile', 256) },
  {
    finding: 'node.binds',
    how: 'a directory that the entry binds is on the login node alone',
    make: entry({ binds: ['/data/shared'] }, 'login', 'mkdir -p /data/shared', 'rm -r /data'),
  },
];

/** So many of them, in the seed's order. */
export function chosen(seed: number, count: number): Breakage[] {
  const place = ({ finding }: Breakage) => createHash('sha256').update(`${seed} ${finding}`).digest('hex');
  return [...BREAKAGES].sort((a, b) => place(a).localeCompare(place(b))).slice(0, count);
}
