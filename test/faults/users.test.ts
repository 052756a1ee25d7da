/** Users whose names, numbers and homes are not what programs expect, on the devcluster with accounts of their own (docs/faults.md). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from '../e2e/client.ts';
import { on, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { launchOf, status, stop } from './rig.ts';

const LONG = `/home/${['a', 'b', 'c', 'd'].map((letter) => letter.repeat(220)).join('/')}`;
/** name, uid, home; the largest that a 32-bit uid can be without a meaning of its own is 4294967293 */
const USERS = [
  ['j.döe', 3001, '/home/j.döe'],
  ['user@dom', 3002, '/home/user@dom'],
  ['spacey', 3003, '/home/with space/x'],
  ['huge', 4_294_967_293, '/home/huge'],
  ['longy', 3004, LONG],
] as const;
const SIF = '/scratch/odd-users/jupyter.sif';
const SSHD = '/etc/ssh/sshd_config.d/devcluster.conf';
const HANGUP = 'kill -HUP $(pgrep -o -x sshd)';

async function done(host: 'login' | 'c1' | 'c2', command: string): Promise<void> {
  const { code, stderr } = await on(host, 'root', command);
  if (code !== 0) throw new Error(`${host}: ${stderr}`);
}

beforeAll(async () => {
  const stored = await storedImage();
  for (const host of ['login', 'c1', 'c2'] as const) {
    await done(host, 'groupadd -f odd');
    for (const [name, uid, home] of USERS) {
      // one primary group for all, as many sites have it; a password of * is none, where ! would lock the account
      await done(host, `useradd --badname -M -d '${home}' -u ${uid} -g odd -p '*' -s /bin/bash '${name}'`);
    }
  }
  for (const [name, , home] of USERS) {
    await done('login', `install -d -o '${name}' -g odd -m 700 '${home}' '${home}/.ssh'`);
    await done('login', `install -o '${name}' -m 600 /etc/devcluster/authorized_keys '${home}/.ssh/authorized_keys'`);
    await done('login', `sacctmgr -i add user '${name}' Account=lab DefaultAccount=lab QOS=normal DefaultQOS=normal`);
  }
  await done('login', `sed -i 's/^AllowUsers .*/& ?*/' ${SSHD}; ${HANGUP}`);
  await done('login', `install -d -m 755 /scratch/odd-users && install -m 644 ${stored} ${SIF}`);
});

afterAll(async () => {
  await on('login', 'root', `sed -i 's/ ?[*]$//' ${SSHD}; ${HANGUP}; rm -rf /scratch/odd-users`);
  for (const [name, , home] of USERS) {
    const top = home.split('/').slice(0, 3).join('/');
    await on('login', 'root', `scancel -u '${name}'; sacctmgr -i delete user '${name}'; rm -rf '${top}'`);
    for (const host of ['login', 'c1', 'c2'] as const) await on(host, 'root', `userdel '${name}'`);
  }
  for (const host of ['login', 'c1', 'c2'] as const) await on(host, 'root', 'groupdel odd');
});

it.each(USERS)(
  'F-48: %s with the uid %i launches, works in a home that is as odd, and stops',
  async (user, uid, home) => {
    // where a config says nothing, all of it lies in the home
    await using world = new OwnWorld({ user, state_dir: undefined, work_dir: undefined, image_store: undefined });
    const running = new Running([...launchOf(SIF), '--mem', '500M', '--cpus', '1'], { env: world.env });
    try {
      const session = await running.ready();
      expect(session.workDirectory.startsWith(`${home}/hpcbinder/`)).toBe(true);
      const client = await Client.enter(session.url);
      const kernel = await client.startKernel();
      const said = await client.run(kernel, 'import os; open("made", "w").close(); print(os.getuid(), os.getcwd())');
      expect(said).toContain(String(uid));
      expect((await on('c2', 'root', `stat -c %u '${session.workDirectory}/made'`)).stdout).toBe(String(uid));
      expect(await status(world, session.id)).toMatchObject({ phase: 'ready', job: { state: 'running' } });
      expect(await stop(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
      expect((await on('login', 'root', `squeue -h -n ${session.id}`)).stdout).toBe('');
    } finally {
      await running.close();
    }
  },
);
