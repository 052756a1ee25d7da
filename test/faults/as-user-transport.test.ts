/** The one suite of transports, through the real sudo to as-user.py on the devcluster's login node. */
import type { AsUserList } from '../../cli/as-user-list.ts';
import { UserTransport } from '../../transports/sudo/index.ts';
import { transportConformance } from '../conformance/transport.ts';
import { installed, wayThere } from './as-user-rig.ts';

/** The suite runs programs of its own, so here root's list has these too; no other list has a shell. */
function forTheSuite(list: AsUserList): AsUserList {
  const names = ['sh', 'cat', 'printf', 'env', 'mktemp', 'echo', 'head', 'sleep', 'stat', 'python3', 'rm'];
  const commands = Object.fromEntries(names.map((name) => [name, `/usr/bin/${name}`]));
  return {
    ...list,
    folders: [...list.folders, '/tmp'],
    commands: { ...list.commands, ...commands },
    variables: { ...list.variables, GREETING: ["it's\n$HOME"] },
  };
}

transportConformance('sudo, to alice’s account on a login node', async () => {
  await installed(forTheSuite);
  return { transport: new UserTransport(wayThere('alice')), pty: false, streams: 8 };
});
